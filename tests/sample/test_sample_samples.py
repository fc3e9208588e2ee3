"""Loading samples: from a checkout or an installed package, and what is refused."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

import branchsim
from branchsim.errors import InputError, InternalError
from branchsim.git.repository import Repository
from branchsim.sample import SAMPLES, Truth, load, read_truth, samples, truth


def test_samples_have_distinct_names_and_stored_files() -> None:
    assert len({each.name for each in SAMPLES}) == len(SAMPLES)
    for each in SAMPLES:
        assert read_truth(each.name)


def test_an_unknown_sample_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'story'"):
        load("storey", tmp_path / "repo")
    assert not (tmp_path / "repo").exists()


def test_a_directory_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(InputError, match="not empty"):
        load("story", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_path_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    with pytest.raises(InputError, match="cannot be used"):
        load("story", tmp_path / "mine" / "repo")


def test_a_directory_named_like_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load("story", "--bare") == tmp_path / "--bare"
    assert (tmp_path / "--bare" / ".git").is_dir()


def test_the_work_tree_is_clean_and_ids_are_those_of_the_truth(tmp_path: Path) -> None:
    path = load("story", tmp_path / "repo")
    status = subprocess.run(
        ["git", "-C", str(path), "status", "--porcelain"], capture_output=True, check=True, text=True
    )
    assert status.stdout == ""
    with Repository(path) as repository:
        assert repository.head == "ref: refs/heads/production"
        for row in read_truth("story"):
            for sha in (row.change, row.landing, *row.commits.split()):
                assert not sha or repository.resolve(sha) == sha


def test_an_installed_package_has_its_data_inside(tmp_path: Path) -> None:
    """The layout of a wheel: no directory beside the package, the data in it."""
    site = tmp_path / "site"
    site.mkdir()
    package = Path(branchsim.__file__).parent
    (site / "branchsim").mkdir()
    for entry in package.iterdir():
        if entry.name not in {"_data", "__pycache__"}:
            (site / "branchsim" / entry.name).symlink_to(entry)
    # Links would lead back to the checkout, so the module that looks for the data is a copy.
    (site / "branchsim" / "sample").unlink()
    (site / "branchsim" / "sample").mkdir()
    for file in (package / "sample").glob("*.py"):
        (site / "branchsim" / "sample" / file.name).write_bytes(file.read_bytes())
    (site / "branchsim" / "_data").mkdir()
    stored = package.parent / "data"
    for name in ("story.fi.gz", "story.csv"):
        (site / "branchsim" / "_data" / name).write_bytes((stored / name).read_bytes())
    code = "import branchsim.sample as s; print(s.__file__, len(s.read_truth('story')), len(s.read_stream('story')))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True, check=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(site)},
    )  # fmt: skip
    assert done.stdout.startswith(str(site))
    sizes = done.stdout.split(maxsplit=1)[1].strip()
    assert sizes == f"{len(read_truth('story'))} {len(samples.read_stream('story'))}"


def test_packing_is_gzip_without_anything_of_the_machine() -> None:
    content = b"blob\n" * 1000
    archive = samples.packed(content)
    assert gzip.decompress(archive) == content
    assert archive[:10] == b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"


def test_a_truth_of_another_version_is_refused() -> None:
    with pytest.raises(InternalError, match="regenerate"):
        truth.read(b"kind,name\nleak,x\n")


def test_truth_survives_its_file() -> None:
    rows = (Truth(kind="leak", name='a "b", c', reason="line\nfeed"),)
    assert truth.read(truth.write(rows)) == rows
