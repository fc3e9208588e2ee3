from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchsim.errors import TopologyError
from branchsim.topology import (
    Branch,
    DirectoryFiles,
    FileProvider,
    Topology,
    has_sfdx_hardis,
    read_sfdx_hardis,
    read_topology_toml,
    to_toml,
)
from branchsim.topology.sfdx_hardis import LEVELS, role_of

MANIFEST = '<Package xmlns="http://soap.sforce.com/2006/04/metadata"><types>{}<name>{}</name></types></Package>'


class Files:
    """Files in memory: what a revision of a repository would give."""

    def __init__(self, content: dict[str, str | bytes]) -> None:
        self.content = {
            path: data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
            for path, data in content.items()
        }

    def read(self, path: str) -> bytes | None:
        return self.content.get(path)

    def list(self, prefix: str) -> list[str]:
        return sorted(path for path in self.content if path.startswith(prefix))


def project(main: str = "", /, *, others: dict[str, str | bytes] | None = None, **branches: str) -> Files:
    """A project by its main configuration and, by name, the configuration of its branches."""
    content: dict[str, str | bytes] = {"config/.sfdx-hardis.yml": main} if main else {}
    for name, text in branches.items():
        content[f"config/branches/.sfdx-hardis.{name}.yml"] = text
    return Files({**content, **(others or {})})


def read(files: Files) -> Topology:
    topology = read_sfdx_hardis(files)
    assert read_topology_toml(to_toml(topology)) == topology
    return topology


def promotions(topology: Topology) -> set[tuple[str, str]]:
    return {(flow.source, flow.target) for flow in topology.promotions()}


def retrofits(topology: Topology) -> set[tuple[str, str]]:
    return {(flow.source, flow.target) for flow in topology.retrofits()}


def noted(topology: Topology, *words: str) -> bool:
    return any(all(word in note for word in words) for note in topology.notes)


USUAL: dict[str, Any] = dict.fromkeys(("integration", "uat", "preprod", "main"), "alias: x\n")


def test_the_usual_four_branches_make_build_run() -> None:
    topology = read(project("developmentBranch: integration\n", **USUAL))
    assert topology.branches == (
        Branch("integration", layer="BUILD", level=50),
        Branch("uat", layer="BUILD", level=70),
        Branch("preprod", layer="RUN", level=90),
        Branch("main", layer="RUN", level=100),
    )
    assert topology.promotion_chain() == ("integration", "uat", "preprod", "main")
    assert topology.owed_to("preprod") == topology.owed_to("main") == ("integration",)
    assert [(flow.source, flow.target) for flow in topology.deadlines("preprod", "integration")] == [("uat", "preprod")]
    assert noted(topology, "does not say where hotfixes are retrofitted")
    assert noted(topology, "'uat' has no mergeTargets", "preprod")


@pytest.mark.parametrize(
    ("name", "role", "level"),
    [
        ("prod", "production", 100),
        ("Production", "production", 100),
        ("main", "production", 100),
        ("MAIN_EU", "production", 100),
        ("maintenance", "production", 100),
        ("preprod", "preprod", 90),
        ("staging-2", "preprod", 90),
        ("uat_run", "uat-run", 80),
        ("recette-RUN", "uat-run", 80),
        ("uat", "uat", 70),
        ("Recette", "uat", 70),
        ("integration", "integration", 50),
        ("INTEG2", "integration", 50),
        ("master", "other", 40),
        ("develop", "other", 40),
        ("training", "other", 40),
        ("run", "other", 40),
    ],
)
def test_the_beginning_of_a_name_tells_its_role(name: str, role: Any, level: int) -> None:
    assert role_of(name) == role
    assert LEVELS[role_of(name)] == level


def test_every_role_gets_its_targets() -> None:
    topology = read(project(**USUAL, uat_run="alias: x", training="alias: x"))
    assert promotions(topology) == {
        ("integration", "uat"),
        ("uat", "preprod"),
        ("uat_run", "preprod"),
        ("preprod", "main"),
    }
    assert topology.layer_of("uat_run") == "RUN"
    assert topology.branch("uat_run").level == 80
    assert topology.owed_to("uat_run") == ("integration",)
    assert topology.branch("training").direct
    assert noted(topology, "'training' has no mergeTargets")


def test_merge_targets_overrule_names() -> None:
    topology = read(project(**{**USUAL, "uat": "mergeTargets: [main]", "integration": "mergeTargets:\n  - preprod\n"}))
    assert promotions(topology) == {("integration", "preprod"), ("uat", "main"), ("preprod", "main")}
    assert not noted(topology, "'uat' has no mergeTargets")


def test_an_empty_list_of_targets_means_none_and_no_value_means_guess() -> None:
    topology = read(project(**{**USUAL, "uat": "mergeTargets: []", "preprod": "mergeTargets:\n"}))
    assert promotions(topology) == {("integration", "uat"), ("preprod", "main")}


def test_a_branch_that_targets_itself_is_noted() -> None:
    topology = read(project(**{**USUAL, "uat": "mergeTargets: [uat, preprod]"}))
    assert ("uat", "preprod") in promotions(topology)
    assert noted(topology, "'uat' names itself")


def test_a_branch_that_only_targets_itself_is_promoted_by_its_name() -> None:
    topology = read(project(**{**USUAL, "preprod": "mergeTargets: [preprod]", "main": "mergeTargets: [main]"}))
    assert ("preprod", "main") in promotions(topology)
    assert noted(topology, "'preprod' names itself")


def test_a_target_of_production_is_a_retrofit() -> None:
    topology = read(project(**{**USUAL, "main": "mergeTargets: [preprod]"}))
    assert ("preprod", "main") in promotions(topology)
    assert ("main", "preprod") in retrofits(topology)
    assert noted(topology, "production branch 'main' is taken for a retrofit")


def test_no_guess_contradicts_a_target_that_is_written() -> None:
    topology = read(project(**{**USUAL, "preprod": "mergeTargets: [integration]"}))
    assert promotions(topology) == {("preprod", "integration"), ("integration", "uat")}
    assert noted(topology, "'uat' is not promoted to 'preprod'")


def test_targets_in_a_circle_are_an_error_that_names_them() -> None:
    with pytest.raises(TopologyError, match=r"circle: uat -> preprod -> uat|circle: preprod -> uat -> preprod"):
        read(project(**{**USUAL, "uat": "mergeTargets: [preprod]", "preprod": "mergeTargets: [uat]"}))


def test_a_target_without_a_file_is_a_branch_all_the_same() -> None:
    topology = read(project(uat="mergeTargets: [master]"))
    assert promotions(topology) == {("uat", "master")}
    assert noted(topology, "'master' has no file", ".sfdx-hardis.uat.yml")
    assert topology.layer_of("master") == "RUN"


def test_without_preprod_uat_has_no_target() -> None:
    topology = read(project(integration="", uat="", main=""))
    assert promotions(topology) == {("integration", "uat")}
    assert noted(topology, "'uat' has no mergeTargets", "no preprod branch")
    hotfix = topology.family_of("hotfix/x")
    assert hotfix is not None
    assert hotfix.to == ("main",)


def test_master_is_production_if_nothing_else_is() -> None:
    topology = read(project(preprod="", master=""))
    assert promotions(topology) == {("preprod", "master")}
    assert noted(topology, "'master' is taken for production")
    assert topology.layer_of("master") == "RUN"
    both = read(project(preprod="", master="", main=""))
    assert promotions(both) == {("preprod", "main")}
    assert noted(both, "'master' has no mergeTargets")


def test_the_production_branch_may_have_any_name() -> None:
    topology = read(project("productionBranch: live\n", preprod="", live="", main=""))
    assert promotions(topology) == {("preprod", "live")}
    assert topology.branch("live") == Branch("live", layer="RUN", level=100, direct=False)


def test_develop_is_integration_if_nothing_else_is() -> None:
    topology = read(project(develop="", uat="", preprod="", main=""))
    assert ("develop", "uat") in promotions(topology)
    assert noted(topology, "'develop' is taken for the integration branch")
    assert topology.owed_to("preprod") == ("develop",)
    named = read(project("developmentBranch: int\n", int="", uat="", preprod="", main=""))
    assert named.promotion_chain() == ("int", "uat", "preprod", "main")


def test_maintenance_begins_like_main_and_is_noted() -> None:
    topology = read(project(**USUAL, maintenance=""))
    assert ("preprod", "main") in promotions(topology)
    assert ("preprod", "maintenance") not in promotions(topology)
    assert noted(topology, "'maintenance' is taken for production because its name begins with 'main'")
    assert not noted(read(project(**USUAL, production="")), "'production' is taken for production")
    corrected = read(project(**USUAL, maintenance="mergeTargets: [preprod]"))
    assert ("maintenance", "preprod") in promotions(corrected)


def test_levels_of_the_files_count_and_damaged_ones_are_noted() -> None:
    topology = read(project(**{**USUAL, "uat": "level: 55", "preprod": "level: high"}))
    assert topology.branch("uat").level == 55
    assert topology.branch("preprod").level == 90
    assert noted(topology, "level 'high' is no whole number")


def test_the_first_two_underscores_of_a_file_name_are_a_slash() -> None:
    topology = read(
        project("developmentBranch: rel__old\n", main="", rel__1="mergeTargets: [main]", a__b__c="mergeTargets: [main]")
    )
    assert promotions(topology) >= {("rel/1", "main"), ("a/b__c", "main")}
    literal = read(project("availableTargetBranches: [my__dev]\n", my__dev="mergeTargets: [main]", main=""))
    assert ("my__dev", "main") in promotions(literal)


def test_yaml_comes_before_yml_and_the_first_project_file_counts() -> None:
    files = project(
        "developmentBranch: second\n",
        main="",
        others={
            "config/.sfdx-hardis.yaml": "developmentBranch: first\n",
            "config/branches/.sfdx-hardis.first.yaml": "mergeTargets: [main]",
            "config/branches/.sfdx-hardis.first.yml": "mergeTargets: [other]",
        },
    )
    topology = read(files)
    assert promotions(topology) == {("first", "main")}
    assert noted(topology, ".sfdx-hardis.first.yml is not read")
    files.content[".sfdx-hardis.yml"] = b"# empty files do not count\n"
    assert read(files) == topology
    files.content["package.json"] = json.dumps({"sfdx-hardis": {"developmentBranch": "zero"}}).encode()
    assert read(files).match_branch("zero") is not None
    files.content["package.json"] = b"{ no json, and none of our business: sfdx-hardis"
    assert read(files) == topology


def test_target_branches_may_carry_labels() -> None:
    topology = read(project('availableTargetBranches:\n  - "integration,Build it"\n  - preprod\n', **USUAL))
    for name in ("feature/x", "fix/x"):
        family = topology.family_of(name)
        assert family is not None
        assert family.to == ("integration", "preprod")
    assert topology.match_branch("integration,Build it") is None


def test_without_target_branches_work_goes_to_the_development_branch() -> None:
    family = read(project(**USUAL)).family_of("feature/x")
    assert family is not None
    assert (family.source, family.to) == (("integration",), ("integration",))


def test_the_development_branch_is_integration_by_default() -> None:
    topology = read(project("projectName: acme\n"))
    assert [branch.name for branch in topology.branches] == ["integration"]
    assert topology.name == "acme"
    assert noted(topology, "no branch is configured")


def test_prefixes_and_projects_name_the_families() -> None:
    topology = read(
        project(
            "branchPrefixChoices:\n  - {title: A, value: story}\n  - {title: B, value: retrofit}\n  - bug\n"
            "availableProjects: ['core,Core', ui]\n",
            **USUAL,
        )
    )
    patterns = {family.pattern for family in topology.families}
    assert patterns >= {"story/*", "bug/*", "core/story/*", "ui/bug/*", "hotfix/*", "retrofit/*"}
    assert "feature/*" not in patterns
    retrofit = topology.family_of("retrofit/from-main")
    assert retrofit is not None
    assert (retrofit.source, retrofit.to) == (("preprod", "main"), ("integration",))


def test_the_retrofit_branch_is_owed_what_lands_on_production() -> None:
    topology = read(project("productionBranch: main\nretrofitBranch: preprod\n", **USUAL))
    assert ("main", "preprod") in retrofits(topology)
    assert topology.owed_to("main") == ("integration", "preprod")
    assert not noted(topology, "retrofitBranch")
    assert noted(read(project("productionBranch: main\nretrofitBranch: main\n", **USUAL)), "production branch itself")
    assert noted(read(project("retrofitBranch: dev\n", dev="")), "no branch is known as production")


def test_a_development_branch_near_production_is_owed_what_lands_there() -> None:
    """Two branches, and preprod is where work begins."""
    topology = read(project("developmentBranch: preprod\n", preprod="", main=""))
    assert promotions(topology) == {("preprod", "main")}
    assert retrofits(topology) == {("main", "preprod")}
    assert topology.owed_to("main") == ("preprod",)


def test_retrofit_ignored_files_are_ignore_rules() -> None:
    topology = read(
        project("retrofitIgnoredFiles:\n  - ./force-app/a.app-meta.xml\n  - 'force-app/profiles/*.xml'\n", **USUAL)
    )
    assert topology.ignore_paths == ("force-app/a.app-meta.xml", "force-app/profiles/*.xml")
    assert topology.ignored.covers("force-app/a.app-meta.xml")


def test_users_files_recover_the_targets_of_deleted_branches() -> None:
    user = (
        "localStorageBranchTargets:\n  feature/a: integration\n  old/b: preprod\n  gone/c: nowhere\n"
        "  main: uat\n  'bad name': main\n"
    )
    topology = read(project(**USUAL, others={"config/user/.sfdx-hardis.jo.yml": user}))
    recovered = topology.family_of("old/b")
    assert recovered is not None
    assert recovered.to == ("preprod",)
    assert "feature/a" not in {family.pattern for family in topology.families}
    assert topology.family_of("gone/c") is None
    assert noted(topology, "'nowhere' of 'gone/c' is no branch")
    assert noted(topology, "bad name")
    with pytest.raises(TopologyError, match=r"jo\.yml: 'localStorageBranchTargets' must be keys and values"):
        read(project(**USUAL, others={"config/user/.sfdx-hardis.jo.yml": "localStorageBranchTargets: [a]"}))


def test_extends_is_reported_and_not_followed() -> None:
    topology = read(project("extends: https://example.org/x.yml\n", **USUAL))
    assert noted(topology, "https://example.org/x.yml", "not followed")
    assert noted(read(project(**{**USUAL, "uat": "extends: http://x"})), ".sfdx-hardis.uat.yml", "not followed")


def test_the_manifest_of_protected_metadata_is_a_mask() -> None:
    whole = MANIFEST.format("<members>*</members>", "Profile")
    topology = read(
        project(
            **USUAL, others={"manifest/package-no-overwrite.xml": whole, "manifest/packageDeployOnce.xml": "damaged"}
        )
    )
    mask = topology.mask_for("uat")
    assert mask is not None
    assert mask.origin == "manifest/package-no-overwrite.xml"
    assert mask.covers("force-app/main/default/profiles/Admin.profile-meta.xml")
    legacy = read(project(**USUAL, others={"manifest/packageDeployOnce.xml": whole})).mask_for("main")
    assert legacy is not None
    assert legacy.types == {"Profile": ("*",)}
    assert read(project(**USUAL)).masks == ()


def test_a_branch_may_have_a_manifest_of_its_own() -> None:
    files = project(
        **{
            **USUAL,
            "main": "packageNoOverwritePath: ./manifest/main.xml",
            "uat": "packageNoOverwritePath: manifest/lost.xml",
        },
        others={
            "manifest/main.xml": MANIFEST.format("<members>A</members>", "Layout"),
            "manifest/package-no-overwrite.xml": MANIFEST.format("<members>*</members>", "Profile"),
        },
    )
    topology = read(files)
    own, whole = topology.mask_for("main"), topology.mask_for("uat")
    assert own is not None
    assert whole is not None
    assert (own.branch, own.types) == ("main", {"Layout": ("A",)})
    assert (whole.branch, whole.types) == (None, {"Profile": ("*",)})
    assert noted(topology, "manifest/lost.xml", "does not exist")
    with pytest.raises(TopologyError, match="leads out of the project"):
        read(project("packageNoOverwritePath: ../../etc/passwd\n", **USUAL))


def test_conventional_names_are_not_needed() -> None:
    topology = read(project("developmentBranch: int\n", int="mergeTargets: [rct]", rct="mergeTargets: [live]", live=""))
    assert topology.promotion_chain() == ("int", "rct", "live")
    assert [topology.layer_of(name) for name in ("int", "rct", "live")] == ["BUILD", "BUILD", "RUN"]
    assert noted(topology, "'live' is taken for RUN")
    assert topology.owed_to("live") == ("int",)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (Files({}), "no configuration of sfdx-hardis was found"),
        (Files({"package.json": '{"name": "x"}'}), "no configuration of sfdx-hardis"),
        (
            project("developmentBranch: [a]\n"),
            r"config/\.sfdx-hardis\.yml: 'developmentBranch' must be a text, not list",
        ),
        (project("availableTargetBranches: {a: b}\n"), "'availableTargetBranches' must be a list of texts, not dict"),
        (project(uat="mergeTargets: [1]"), r"\.sfdx-hardis\.uat\.yml: 'mergeTargets' must hold texts, not int"),
        (project(uat="mergeTargets: [no]"), "must hold texts, not bool"),
        (
            project(uat="mergeTargets: ['a b']"),
            r"mergeTargets in config/branches/.*uat\.yml: git allows no branch named",
        ),
        (project(uat="mergeTargets: ['-x']"), "git allows no branch named '-x'"),
        (project(uat="mergeTargets: ['release/*']"), "is a pattern"),
        (project("developmentBranch: 'a..b'\n"), "developmentBranch in config"),
        (project(uat="a: &a [*a]"), r"config/branches/\.sfdx-hardis\.uat\.yml: a YAML alias refers"),
        (project(uat="a: !!python/name:os.system"), "tag that would construct an object is refused"),
        (project(uat="a: ["), r"uat\.yml: not valid YAML"),
        (project("[1, 2]\n"), "expected keys and values"),
        (project(uat="", others={"manifest/package-no-overwrite.xml": "<x"}), "no-overwrite.xml: not valid XML"),
    ],
)
def test_a_damaged_configuration_is_one_clear_error(files: Files, says: str) -> None:
    with pytest.raises(TopologyError, match=says) as caught:
        read_sfdx_hardis(files)
    assert "\n" not in str(caught.value)


def test_a_branch_file_with_an_impossible_name_is_noted() -> None:
    topology = read(
        project(main="", others={"config/branches/.sfdx-hardis.a b.yml": "", "config/branches/.sfdx-hardis..yml": ""})
    )
    assert [branch.name for branch in topology.branches] == ["main"]
    assert noted(topology, "'a b'", "not read")


def test_whether_a_project_has_a_configuration() -> None:
    assert has_sfdx_hardis(project(main=""))
    assert has_sfdx_hardis(Files({"config/.sfdx-hardis.yml": ""}))
    assert has_sfdx_hardis(Files({"package.json": '{"sfdx-hardis": {}}'}))
    assert not has_sfdx_hardis(Files({"package.json": '{"x": "sfdx-hardis"}', "config/branches/x.yml": ""}))
    assert isinstance(Files({}), FileProvider)


def test_a_work_tree_reads_like_files_in_memory(tmp_path: Any) -> None:
    files = project("developmentBranch: integration\n", **USUAL)
    for path, data in files.content.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    assert read_sfdx_hardis(DirectoryFiles(tmp_path)) == read(files)


some_names = st.sampled_from(
    ["integration", "develop", "uat", "uat_run", "recette", "preprod", "staging", "main", "master", "prod", "a/b", "x"]
)
values = st.none() | st.integers() | st.booleans() | some_names | st.lists(some_names | st.integers(), max_size=3)


@given(
    main=st.dictionaries(
        st.sampled_from(
            ["developmentBranch", "productionBranch", "retrofitBranch", "availableTargetBranches", "projectName",
             "branchPrefixChoices", "availableProjects", "retrofitIgnoredFiles", "extends", "packageNoOverwritePath"]
        ),
        values,
    ),
    branches=st.dictionaries(
        some_names.map(lambda name: name.replace("/", "__")),
        st.dictionaries(st.sampled_from(["mergeTargets", "level", "packageNoOverwritePath"]), values),
        max_size=6,
    ),
    user=st.dictionaries(st.just("localStorageBranchTargets"), values | st.dictionaries(some_names, some_names)),
)  # fmt: skip
def test_any_configuration_gives_a_sound_topology_or_our_error(
    main: dict[str, Any], branches: dict[str, Any], user: dict[str, Any]
) -> None:
    content: dict[str, str | bytes] = {
        "config/.sfdx-hardis.yml": json.dumps(main),
        "config/user/.sfdx-hardis.u.yml": json.dumps(user),
    }
    for name, text in branches.items():
        content[f"config/branches/.sfdx-hardis.{name}.yml"] = json.dumps(text)
    try:
        topology = read(Files(content))
    except TopologyError:
        return
    assert {name.replace("__", "/") for name in branches} <= {branch.name for branch in topology.branches}
    known = {(flow.source, flow.target) for flow in topology.flows}
    for name, text in branches.items():
        source, targets = name.replace("__", "/"), text.get("mergeTargets")
        if isinstance(targets, list):
            assert {(source, target) for target in targets if target != source} <= known
