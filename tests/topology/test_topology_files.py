from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from topology_strategies import topologies

from branchsim.errors import TopologyError
from branchsim.topology import (
    GUARDS,
    Branch,
    DirectoryFiles,
    Family,
    Flow,
    Topology,
    Waiver,
    read_topology,
    read_topology_toml,
    to_toml,
)

# The sample of the design, with the flow that its family needs.
SAMPLE = """
schema = 1
name = "acme"

[[branch]]                    # order is the order in pictures
name = "integration"          # a name, or a pattern such as "release/*"
layer = "BUILD"

[[branch]]
name = "preprod"
layer = "RUN"

[[flow]]
kind = "promote"              # or "retrofit"
from = "integration"
to = "preprod"
methods = ["merge"]           # optional: merge, squash, rebase, fast-forward, cherry-pick

[[flow]]
kind = "retrofit"
from = "preprod"
to = "integration"

[[family]]
pattern = "hotfix/*"
from = "preprod"
to = ["preprod"]
retrofit = ["integration"]

[release]
tags = "v*"                   # optional

[ignore]
paths = ["CHANGELOG.md", "*.lock"]

[content]
list_keys = ["sku"]

[[waiver]]
commit = "1234abcd"           # or path, or author
reason = "branch-only configuration"
"""


def test_the_documented_sample_is_read() -> None:
    assert read_topology_toml(SAMPLE) == Topology(
        (Branch("integration", layer="BUILD"), Branch("preprod", layer="RUN")),
        (
            Flow("promote", source="integration", target="preprod", methods=("merge",)),
            Flow("retrofit", source="preprod", target="integration"),
        ),
        (Family("hotfix/*", source=("preprod",), to=("preprod",), retrofit=("integration",)),),
        name="acme",
        release_tags="v*",
        ignore_paths=("CHANGELOG.md", "*.lock"),
        list_keys=("sku",),
        waivers=(Waiver(commit="1234abcd", reason="branch-only configuration"),),
    )


def test_the_file_of_the_manual_is_read() -> None:
    manual = Path(__file__).parents[2] / "docs" / "topology.md"
    text = manual.read_text(encoding="utf-8")
    topology = read_topology_toml(text.partition("```toml\n")[2].partition("```")[0])
    assert topology.owed_to("preprod") == ("integration",)
    assert topology.masks[0].branch == "preprod"
    assert all(f"`{guard}`" in text for guard in GUARDS)


@given(topologies())
def test_what_is_written_is_read_back(topology: Topology) -> None:
    text = to_toml(topology)
    again = read_topology_toml(text)
    assert again == topology
    assert to_toml(again.with_notes(*topology.notes)) == text
    assert read_topology_toml(text.encode()) == topology


@pytest.mark.parametrize(
    "topology",
    [
        Topology.build_run(),
        Topology.build_run_merge_back(uat_run="uat_run"),
        Topology.gitflow(),
        Topology.release_train(),
        Topology.release_train(direction="back"),
        Topology.trunk(),
    ],
    ids=lambda topology: topology.name,
)
def test_presets_are_read_back(topology: Topology) -> None:
    assert read_topology_toml(topology.to_toml()) == topology


def test_a_hostile_note_stays_a_comment() -> None:
    topology = Topology.trunk().with_notes("a\nguards = ['x']\r\x1b[31m")
    assert read_topology_toml(to_toml(topology)) == topology
    assert "\x1b" not in to_toml(topology)


BRANCH = "[[branch]]\nname = 'a'\nlayer = 'X'\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("schema = 1\nname = [\n ", r"not valid TOML.*line 3, column 2, the end of the document"),
        ("schema = 1\n[[branch]\n", r"not valid TOML.*line 2, column 9"),
        ("schema = = 1", r"line 1, column 10"),
        ("schema = 2\n" + BRANCH, "schema 2 is unknown"),
        ("schema = '1'\n" + BRANCH, "'schema' must be a whole number, not a text"),
        ("brnch = 1\n" + BRANCH, "unknown key 'brnch'.*did you mean 'branch'"),
        (BRANCH + "layr = 'X'", r"\[\[branch\]\] number 1: unknown key 'layr'.*did you mean 'layer'"),
        (BRANCH + BRANCH + "zzz = 1", r"\[\[branch\]\] number 2: unknown key 'zzz'; the keys here are name, layer"),
        (BRANCH + "[[flow]]\nkind='promote'\nform='a'\nto='b'", "unknown key 'form'.*did you mean 'from'"),
        (BRANCH + "[[family]]\npatern='f'", "did you mean 'pattern'"),
        (BRANCH + "[release]\ntag='v*'", r"\[release\]: unknown key 'tag'.*did you mean 'tags'"),
        (BRANCH + "[ignore]\npath=['x']", r"\[ignore\]: unknown key 'path'.*did you mean 'paths'"),
        (BRANCH + "[[waiver]]\nreson='x'", "did you mean 'reason'"),
        (BRANCH + "[[mask]]\ntype='x'", "did you mean 'types'"),
        ("[[branch]]\nlayer='X'", "number 1: 'name' is missing"),
        ("[[branch]]\nname='a'", "number 1: 'layer' is missing"),
        ("[[branch]]\nname=3\nlayer='X'", "'name' must be a text in quotes, not a whole number .3."),
        (BRANCH + "level='9'", "'level' must be a whole number, not a text"),
        (BRANCH + "level=true", "'level' must be a whole number, not true or false"),
        (BRANCH + "direct='yes'", "'direct' must be true or false"),
        ("branch = 'a'", r"'branch' must be a list of tables \(write \[\[branch\]\]"),
        ("[branch]\nname='a'\nlayer='X'", r"write \[\[branch\]\] with two brackets"),
        ("branch = [1]", "'branch' must be a list of tables"),
        (BRANCH + "[[release]]\ntags='v'", r"'release' must be a table \(\[release\]\)"),
        (BRANCH + "[release]\ntags=1979-05-27", "not a date or time"),
        (BRANCH + "[ignore]\npaths=[1]", "'paths' must hold texts in quotes, not a whole number"),
        (BRANCH + "[ignore]\npaths=1.5", "'paths' must be a list of texts, not a number"),
        ("guards = 'x'\n" + BRANCH, "'guards' must be a list of texts"),
        ("guards = ['x']\n" + BRANCH, "unknown guard 'x'"),
        (BRANCH + "[[flow]]\nkind='promot'\nfrom='a'\nto='a'", r"\[\[flow\]\] number 1: .*did you mean 'promote'"),
        (BRANCH + "[[family]]\npattern='f/*'\nto='a'", "'from' names no branch"),
        (BRANCH + "[[waiver]]\npath='x'", "'reason' is missing"),
        (BRANCH + "[mask]\n", r"write \[\[mask\]\]"),
        (BRANCH + "[[mask]]\ntypes={A=1}", "'A' must be a list of texts"),
        ("name = ''\n" + BRANCH, "name is empty"),
        ("schema = 1", "at least one branch"),
        ("", "at least one branch"),
        ("x = " + "[" * 5_000, "not"),
        ("schema = " + "9" * 5_000, "not usable as TOML"),
    ],
)
def test_a_damaged_file_is_one_clear_error(text: str, says: str) -> None:
    with pytest.raises(TopologyError, match=says) as caught:
        read_topology_toml(text)
    assert str(caught.value).startswith("branchsim.toml: ")
    assert caught.value.__cause__ is None
    assert "\n" not in str(caught.value)


@given(st.text(max_size=60) | st.text("[]='\"\n{}.#, abschemronft", max_size=60))
def test_no_text_makes_anything_but_a_topology_or_our_error(text: str) -> None:
    try:
        topology = read_topology_toml(text)
    except TopologyError:
        return
    assert topology.branches


@given(st.binary(max_size=60))
def test_no_bytes_make_anything_but_our_error(data: bytes) -> None:
    with pytest.raises(TopologyError):
        read_topology_toml(data)


def test_where_a_file_comes_from_is_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    with pytest.raises(TopologyError, match=r"x\.toml: there is no such file"):
        read_topology_toml(path)
    for preset in ("build-run", "build_run_merge_back", "gitflow", "release-train", "trunk"):
        call = f"Topology.{preset.replace('-', '_')}()"
        with pytest.raises(TopologyError, match=f"for the preset use {re.escape(call)}"):
            read_topology_toml(Path(preset))
    with pytest.raises(TopologyError, match="is a directory"):
        read_topology_toml(tmp_path)
    path.write_bytes(b"schema = 1\n# \xff\n")
    with pytest.raises(TopologyError, match=r"x\.toml: line 2 is not UTF-8"):
        read_topology_toml(path)
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(TopologyError, match="more than the 1,000,000"):
        read_topology_toml(path)
    with pytest.raises(TopologyError, match=r"^HEAD:branchsim\.toml: "):
        read_topology_toml("x", origin="HEAD:branchsim.toml")
    path.write_bytes(b"\xef\xbb\xbf" + BRANCH.encode())
    assert read_topology_toml(path).last_branch() == "a"


def test_a_project_is_read_by_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(TopologyError, match=r"neither a branchsim.toml nor a configuration of sfdx-hardis"):
        read_topology(tmp_path)
    (tmp_path / "config" / "branches").mkdir(parents=True)
    (tmp_path / "config" / "branches" / ".sfdx-hardis.main.yml").write_text("alias: main\n")
    assert read_topology(tmp_path).name == "sfdx-hardis"
    (tmp_path / "branchsim.toml").write_text(SAMPLE)
    assert read_topology(tmp_path).name == "acme"
    assert read_topology(str(tmp_path / "branchsim.toml")).name == "acme"
    assert read_topology(DirectoryFiles(tmp_path)).name == "acme"
