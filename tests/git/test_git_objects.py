from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from support.histories import PATHS, build, histories
from support.repos import Content, RepoBuilder, environment, executable, git, submodule, symlink

from branchsim.errors import GitError
from branchsim.git.objects import (
    LIMIT,
    ObjectError,
    ObjectInfo,
    ObjectReader,
    TreeEntry,
    Unread,
    Why,
    object_id,
    write_commit,
    write_object,
)
from branchsim.git.process import Conversation
from branchsim.git.repository import Repository
from branchsim.names import Sha

if TYPE_CHECKING:
    from support.histories import Step

MISSING = Sha("6" * 40)


def _loose(path: Path) -> Path:
    """Turn the packs of a repository into loose objects, so that single ones can be damaged."""
    objects = path / ".git" / "objects"
    packs = [file.read_bytes() for file in objects.glob("pack/*.pack")]
    for file in (objects / "pack").iterdir():
        file.unlink()
    for pack in packs:
        subprocess.run(["git", "-C", path, "unpack-objects", "-q"], input=pack, env=environment(), check=True)
    return objects


def _file(objects: Path, sha: str) -> Path:
    file = objects / sha[:2] / sha[2:]
    file.chmod(0o644)
    return file


@given(steps=histories(most=6))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_trees_and_paths_equal_git_ls_tree(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "repo"
        ids = build(path, steps)
        with Repository(path) as repo, ObjectReader(repo.scratch) as reader:
            for sha in set(ids):
                listing = os.fsencode(git(path, "ls-tree", "-r", "-z", "--full-tree", sha)).split(b"\0")[:-1]
                expected = {}
                for line in listing:
                    head, _, name = line.partition(b"\t")
                    mode, _, blob = head.decode().split(" ")
                    expected[name] = TreeEntry(mode, Sha(blob))
                info = reader.check([f"{sha}^{{tree}}"])[f"{sha}^{{tree}}"]
                assert info is not None
                assert list(reader.walk(info.sha)) == sorted(expected.items())
                found = reader.find([(info.sha, name) for name in PATHS])
                for name in PATHS:
                    answer = found[info.sha, name]
                    assert (answer.sha if answer else None) == (expected[name].sha if name in expected else None)
                    assert reader.entry(info.sha, name) == expected.get(name)
                below = [item for item in expected.items() if item[0].startswith(b"dir/")]
                assert list(reader.walk(info.sha, b"dir")) == sorted(below)


def test_types_and_sizes_in_bulk(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        tip = made.commit("main", {f"f{n}": "x" * n for n in range(1500)})
        made.tag("v1", "main", message="One")
    tag = git(made.path, "rev-parse", "v1")
    sizes = {git(made.path, "rev-parse", f"main:f{n}"): n for n in (1, 700, 1499)}
    every = git(made.path, "ls-tree", "-r", "--format=%(objectname)", "main").split()
    with Repository(made.path) as repo, ObjectReader(repo.scratch) as reader:
        found = reader.check([*every, tip, tag, MISSING, f"{tag}^{{commit}}", f"{tip}:f7"])
        assert len(found) == len(set(every)) + 5
        assert {sha: info.size for sha, info in found.items() if info and sha in sizes} == sizes
        assert found[MISSING] is None
        assert [found[sha].type for sha in (tip, tag, every[0])] == ["commit", "tag", "blob"]  # type: ignore[union-attr]
        peeled, by_path = found[f"{tag}^{{commit}}"], found[f"{tip}:f7"]
        assert peeled is not None
        assert peeled.sha == tip
        assert by_path is not None
        assert by_path.size == 7


@pytest.mark.parametrize(
    "name",
    ["main", "HEAD", "", "123", "6" * 65, "6" * 40 + "\0", "6" * 40 + ":./a", "6" * 40 + ":..", "-x", "6" * 40 + " "],
)
def test_what_is_no_id_is_refused(tmp_path: Path, name: str) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {"a": "1"})
    with (
        Repository(made.path) as repo,
        ObjectReader(repo.scratch) as reader,
        pytest.raises(ValueError, match="no object id"),
    ):
        reader.check([name])


def test_blobs_come_in_order_whole_and_each_once(tmp_path: Path) -> None:
    contents = [b"", b"\n", b"no end", b"\0\1\2\r\n" * 5000, b"x" * 300_000, *(b"%d\n" % n for n in range(1000))]
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {f"f{n:04}": content for n, content in enumerate(contents)})
    shas = [Sha(sha) for sha in git(made.path, "ls-tree", "-r", "--format=%(objectname)", "main").split()]
    with Repository(made.path) as repo, ObjectReader(repo.scratch) as reader:
        read = list(reader.blobs([*reversed(shas), MISSING, *shas]))
        assert read == [*zip(reversed(shas), reversed(contents), strict=True), (MISSING, Unread(MISSING, Why.MISSING))]
        assert reader.blob(shas[0]) == b""
        assert reader.blob(MISSING) is None


def test_a_reader_may_be_asked_in_the_middle_of_another_question(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        tip = made.commit("main", {f"f{n}": f"{n}\n" for n in range(600)})
    shas = [Sha(sha) for sha in git(made.path, "ls-tree", "-r", "--format=%(objectname)", "main").split()]
    with Repository(made.path) as repo, ObjectReader(repo.scratch) as reader:
        read = []
        for sha, content in reader.blobs(shas):
            read.append((sha, content))
            assert reader.check([tip])[tip] is not None
            assert reader.blob(shas[-1]) == content if sha == shas[-1] else True
        assert [sha for sha, _ in read] == shas
        assert dict(read) == dict(reader.blobs(shas))


def test_a_large_blob_is_not_read_unless_asked(tmp_path: Path) -> None:
    large = b"0123456789abcdef" * (LIMIT // 16 + 1)
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {"large": large, "small": b"s\n"})
    big, small = (Sha(git(made.path, "rev-parse", f"main:{name}")) for name in ("large", "small"))
    with Repository(made.path) as repo, ObjectReader(repo.scratch) as reader:
        assert list(reader.blobs([big, small])) == [(big, Unread(big, Why.TOO_LARGE, len(large))), (small, b"s\n")]
        with pytest.raises(ObjectError, match=f"{len(large)} bytes") as caught:
            reader.blob(big)
        assert (caught.value.sha, caught.value.why) == (big, Why.TOO_LARGE)
        assert reader.blob(big, limit=None) == large
        assert list(reader.blobs([small, big], limit=2)) == [
            (small, b"s\n"),
            (big, Unread(big, Why.TOO_LARGE, len(large))),
        ]


def test_another_type_is_said(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        tip = Sha(made.commit("main", {"a": "1"}))
    with Repository(made.path) as repo, ObjectReader(repo.scratch) as reader:
        with pytest.raises(ObjectError, match="it is a commit, not a blob"):
            reader.blob(tip)
        with pytest.raises(ObjectError, match="it is a commit, not a tree"):
            reader.tree(tip)


@pytest.mark.parametrize(
    "damage", [b"", b"garbage", b"x\x9c", "swap", "cut"], ids=["empty", "garbage", "short", "swapped", "cut off"]
)
def test_a_corrupt_object_is_never_taken_for_a_missing_one(tmp_path: Path, damage: bytes | str) -> None:
    names = [f"f{n:03}" for n in range(300)]
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {name: os.urandom(9000).hex() for name in names})
    objects = _loose(made.path)
    shas = [Sha(git(made.path, "rev-parse", f"main:{name}")) for name in (names[0], names[150], names[299])]
    file = _file(objects, shas[1])
    match damage:
        case "swap":
            file.write_bytes(_file(objects, shas[0]).read_bytes())
        case "cut":
            file.write_bytes(file.read_bytes()[:3000])
        case bytes():
            file.write_bytes(damage)
        case _:
            raise AssertionError(damage)
    every = [Sha(sha) for sha in git(made.path, "ls-tree", "-r", "--format=%(objectname)", "main").split()]
    with Repository(made.path) as repo, ObjectReader(repo.scratch) as reader:
        found = dict(reader.blobs([*every[:200], MISSING, *every[200:]]))
        assert len(found) == len(every) + 1
        assert [sha for sha, content in found.items() if isinstance(content, Unread)] == [shas[1], MISSING]
        broken, missing = found[shas[1]], found[MISSING]
        assert isinstance(broken, Unread)
        assert broken.why is Why.CORRUPT
        assert isinstance(missing, Unread)
        assert missing.why is Why.MISSING
        with pytest.raises(ObjectError, match=f"{shas[1]} is corrupt"):
            reader.blob(shas[1])
        assert reader.blob(shas[2]) == found[shas[2]]


def test_a_corrupt_pack_is_an_error_not_a_gap(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {"a": os.urandom(5000).hex(), "b": os.urandom(5000).hex()})
    (pack,) = (made.path / ".git/objects/pack").glob("*.pack")
    blob = Sha(git(made.path, "rev-parse", "main:a"))
    other = Sha(git(made.path, "rev-parse", "main:b"))
    lines = git(made.path, "verify-pack", "-v", str(pack)).splitlines()
    offset = int(next(line for line in lines if line.startswith(blob)).split()[4])
    data = bytearray(pack.read_bytes())
    data[offset + 100 : offset + 120] = b"\xff" * 20
    pack.chmod(0o644)
    pack.write_bytes(data)
    with Repository(made.path) as repo, ObjectReader(repo.scratch) as reader:
        with pytest.raises(ObjectError, match=f"{blob} is corrupt"):
            reader.blob(blob)
        assert isinstance(reader.blob(other), bytes)
        found = dict(reader.blobs([other, blob]))
        assert isinstance(found[other], bytes)
        assert isinstance(found[blob], Unread)


def test_paths_tell_absent_missing_and_submodules_apart(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "dir/here": "1",
        "dir/gone": "2",
        "m": submodule("1" * 40),
        "link": symlink("a"),
        "x": executable("3"),
        "100644 fake": "4",
    }
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", files)
    objects = _loose(made.path)
    gone = Sha(git(made.path, "rev-parse", "main:dir/gone"))
    _file(objects, gone).unlink()
    tree = Sha(git(made.path, "rev-parse", "main^{tree}"))
    here = Sha(git(made.path, "rev-parse", "main:dir/here"))
    with Repository(made.path) as repo, ObjectReader(repo.scratch) as reader:
        paths = [b"dir/here", b"dir/gone", b"m", b"nope", b"dir/nope", b"dir/here/below", b"m/x", b"fake", b""]
        odd = [b"./x", b"dir/../x", b"dir//here", b"/x", b"..", b".", b"dir/", b"x\0y"]
        found = {path: answer for (_, path), answer in reader.find([(tree, path) for path in paths + odd]).items()}
        assert found[b"dir/here"] == ObjectInfo(here, "blob", 1)
        assert found[b"dir/gone"] == Unread(gone, Why.MISSING)
        assert found[b"m"] == ObjectInfo(Sha("1" * 40), "commit", 0)
        assert [found[path] for path in (b"nope", b"dir/nope", b"dir/here/below", b"m/x", b"fake")] == [None] * 5
        root = found[b""]
        assert isinstance(root, ObjectInfo)
        assert (root.sha, root.type) == (tree, "tree")
        assert [found[path] for path in (b"./x", b"dir/../x", b"dir//here", b"/x", b"..", b".", b"x\0y")] == [None] * 7
        entries = reader.tree(tree)
        assert (entries[b"m"].is_submodule, entries[b"link"].is_symlink, entries[b"dir"].is_tree) == (True, True, True)
        assert entries[b"x"].mode == "100755"
        with pytest.raises(ObjectError, match="is missing"):
            reader.find([(MISSING, b"a")])


def test_sha256_objects(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r", object_format="sha256") as made:
        made.commit("main", {"d/a": "1\n"})
    blob, tree = (Sha(git(made.path, "rev-parse", f"main{suffix}")) for suffix in (":d/a", "^{tree}"))
    with Repository(made.path) as repo, ObjectReader(repo.scratch) as reader:
        assert reader.blob(blob) == b"1\n"
        assert list(reader.walk(tree)) == [(b"d/a", TreeEntry("100644", blob))]
        assert reader.find([(tree, b"d/a")])[tree, b"d/a"] == ObjectInfo(blob, "blob", 2)


def test_written_objects_are_gits_own_and_go_to_the_scratch_only(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        tip = Sha(made.commit("main", {"a": "1"}))
    tree = Sha(git(made.path, "rev-parse", "main^{tree}"))
    person = "Jörg <j@x> 1700000000 +0000"
    with Repository(made.path) as repo, ObjectReader(repo.scratch) as reader:
        assert reader.blob(object_id(repo.scratch, "blob", b"new")) is None
        blob = write_object(repo.scratch, "blob", b"new")
        assert blob == git(made.path, "hash-object", "--stdin", stdin=b"new")
        assert write_object(repo.scratch, "blob", b"new") == blob
        assert reader.blob(blob) == b"new"  # the reader has been running since before
        commit = write_commit(repo.scratch, tree=tree, parents=[tip, tip], message="Füge zu\n", author=person)
        identity = {"NAME": "Jörg", "EMAIL": "j@x", "DATE": "1700000000 +0000"}
        expected = git(
            made.path,
            "commit-tree",
            "-p",
            tip,
            "-m",
            "Füge zu",
            tree,
            variables={f"GIT_{who}_{key}": text for who in ("AUTHOR", "COMMITTER") for key, text in identity.items()},
        )
        once = write_commit(repo.scratch, tree=tree, parents=[tip], message="Füge zu\n", author=person)
        assert once == expected != commit
        assert git(repo.scratch.path, "show", "-s", "--format=%P", commit) == f"{tip} {tip}"
        with pytest.raises(ValueError, match="holds a newline"):
            write_commit(repo.scratch, tree=tree, message="m", author="A <a>\nparent 1 1 +0000")
        with pytest.raises(ValueError, match="holds a NUL"):
            write_commit(repo.scratch, tree=tree, message="m\0", author=person)
        objects = {path.name for path in (repo.scratch.path / "objects").rglob("*") if path.is_file()}
        assert commit[2:] in objects
    assert git(made.path, "cat-file", "-e", blob, accept=(0, 1)) == ""
    assert not (made.path / ".git/objects" / blob[:2] / blob[2:]).exists()


def test_a_scratch_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "r") as made:
        made.commit("main", {"a": "1"})
    with Repository(made.path) as repo:
        sha = object_id(repo.scratch, "blob", b"x")
        (repo.scratch.path / "objects" / sha[:2]).write_text("in the way")
        with pytest.raises(GitError, match=r"could not be written.*free some space"):
            write_object(repo.scratch, "blob", b"x")


def test_questions_never_exceed_the_pipe() -> None:
    from branchsim.git.objects import _batches

    names = ["6" * 64 + ":" + "p" * 3000] * 40 + ["7" * 40] * 1000 + ["8" * 40 + ":" + "q" * 50_000]
    batches = list(_batches(names))
    assert [text for batch in batches for text, _ in batch] == names
    assert all(len(batch) == 1 or sum(len(name) + 10 for _, name in batch) <= Conversation.ROOM for batch in batches)
