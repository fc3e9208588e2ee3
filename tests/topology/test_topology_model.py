from __future__ import annotations

import pickle
import subprocess
import sys
from typing import Any

import networkx as nx
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from topology_strategies import names, topologies

from branchsim.errors import TopologyError
from branchsim.topology import Branch, Family, Flow, MetadataMask, Topology, Waiver

A, B, C = (Branch(name, layer="BUILD") for name in "abc")
R = Branch("r", layer="RUN")


def promote(source: str, target: str) -> Flow:
    return Flow("promote", source=source, target=target)


def retrofit(source: str, target: str) -> Flow:
    return Flow("retrofit", source=source, target=target)


# -- validation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Topology(()), "at least one branch"),
        (lambda: Topology((A, A)), "branch 'a' is declared twice"),
        (lambda: Topology((A, B), (promote("a", "b"), promote("b", "a"))), "in a circle: a -> b -> a"),
        (
            lambda: Topology(
                (A, B, C, R), (promote("r", "a"), promote("a", "b"), promote("b", "c"), promote("c", "a"))
            ),
            "in a circle: a -> b -> c -> a",
        ),
        (
            lambda: Topology((A, B), (promote("a", "b"), promote("a", "a"))),
            "flow 2 .promote a -> a. leads .* to itself",
        ),
        (
            lambda: Topology((A, B), (promote("a", "b"), retrofit("b", "b"))),
            "flow 2 .retrofit b -> b. leads .* to itself",
        ),
        (lambda: Topology((A, B), (promote("a", "b"), promote("a", "b"))), "flow 'promote a -> b' is declared twice"),
        (lambda: Topology((A, R), (promote("a", "rr"),)), "flow 1 .*its 'to': unknown branch 'rr'"),
        (lambda: Topology((Branch("preprod", layer="R"),), (promote("prepord", "x"),)), "did you mean 'preprod'"),
        (lambda: Topology((A,), (), (Family("f/*", source=("x",), to=("a",)),)), "family 'f/\\*', its 'from': unknown"),
        (lambda: Topology((A,), (), (Family("f/*", source=("a",), to=("x",)),)), "its 'to': unknown branch 'x'"),
        (
            lambda: Topology((A,), (), (Family("f/*", source=("a",), to=("a",), retrofit=("x",)),)),
            "its 'retrofit': unknown branch 'x'",
        ),
        (
            lambda: Topology((A, R), (promote("a", "r"),), (Family("h/*", source=("r",), to=("r",), retrofit=("a",)),)),
            "family 'h/\\*' owes a retrofit to 'a', but no retrofit flow leads there from r",
        ),
        (
            lambda: Topology(
                (A, R),
                (promote("a", "r"), retrofit("r", "a")),
                (Family("h/*", source=("r",), to=("r", "a"), retrofit=("a",)),),
            ),
            "lands on 'a' and owes a retrofit to it too",
        ),
        (
            lambda: Topology((A,), (), tuple(Family("f/*", source=("a",), to=("a",)) for _ in range(2))),
            "family 'f/\\*' is declared twice",
        ),
        (lambda: Topology((A, B, R), (promote("a", "r"),)), "branch 'b' is unreachable"),
        (lambda: Topology((A, B), (retrofit("a", "b"),)), "branch 'a' is unreachable"),
        (lambda: Topology((A,), guards=("no-squash",)), "unknown guard 'no-squash'"),
        (lambda: Topology((A,), guards=("no-promotion-while-opne",)), "did you mean 'no-promotion-while-open'"),
        (lambda: Topology((A,), guards=("run-frozen-while-ahead",) * 2), "declared twice"),
        (lambda: Topology((A,), ignore_paths=("",)), "ignore paths"),
        (lambda: Topology((A,), ignore_paths=("/",)), "ignore paths"),
        (lambda: Topology((A,), list_keys=(" ",)), "a list key is empty"),
        (lambda: Topology((A,), name=" "), "name is empty"),
        (lambda: Topology((A,), release_tags=""), "release tags"),
        (lambda: Topology((A,), masks=(MetadataMask.of({}, branch="x", origin="f"),)), "mask 'f': unknown branch 'x'"),
    ],
)
def test_what_does_not_hold_together_is_an_error_that_names_the_place(build: Any, says: str) -> None:
    with pytest.raises(TopologyError, match=says):
        build()


@pytest.mark.parametrize(("field", "value"), [("branches", "abc"), ("branches", [3]), ("guards", "x"), ("flows", 3)])
def test_parts_of_the_wrong_type_are_an_error(field: str, value: Any) -> None:
    parts: dict[str, Any] = {"branches": (A,), field: value}
    with pytest.raises(TopologyError, match=field):
        Topology(**parts)


def test_lists_are_taken_for_tuples() -> None:
    build: Any = Topology
    assert build([A, R], [promote("a", "r")]) == Topology((A, R), (promote("a", "r"),))


def test_a_branch_without_flows_is_reachable_if_direct_or_alone_or_the_end_of_a_family() -> None:
    Topology((A,))
    Topology((A, Branch("x", layer="X", direct=True), R), (promote("a", "r"),))
    Topology((A, B, R), (promote("a", "r"),), (Family("f/*", source=("a",), to=("b",)),))
    Topology((A, B, R), (promote("a", "r"), retrofit("r", "b")))


@given(topologies())
def test_a_circle_of_promotions_is_found_wherever_it_closes(topology: Topology) -> None:
    promotions = topology.promotions()
    assume(promotions)
    back = promote(promotions[0].target, promotions[0].source)
    with pytest.raises(TopologyError, match="circle"):
        topology.replace(flows=(*topology.flows, back))


@given(st.integers(2, 2_000))
def test_long_chains_need_no_recursion(length: int) -> None:
    branches = tuple(Branch(f"b{i}", layer="X") for i in range(length))
    flows = tuple(promote(f"b{i}", f"b{i + 1}") for i in range(0, length - 1, max(1, length // 50)))
    used = {name for flow in flows for name in (flow.source, flow.target)}
    kept = tuple(branch for branch in branches if branch.name in used)
    assert Topology(kept, flows).last_branch() in used


# -- values ------------------------------------------------------------------------------------------------------------


@given(topologies())
def test_a_topology_is_a_value(topology: Topology) -> None:
    again = eval(repr(topology))  # noqa: S307 - the repr of our own records, which promises to be Python
    assert again == topology
    assert hash(again) == hash(topology)
    assert again.notes == topology.notes
    copied = pickle.loads(pickle.dumps(topology))  # noqa: S301 - pickled a line before; executors do the same
    assert copied == topology
    assert copied.obligation_rules() == topology.obligation_rules()
    assert topology.with_notes("more") == topology
    assert topology.with_notes("more").notes[-1] == "more"


def test_replace_checks_the_result_and_the_names_of_fields() -> None:
    topology = Topology.trunk()
    assert topology.replace(name="x").name == "x"
    with pytest.raises(TopologyError, match="did you mean 'flows'"):
        topology.replace(flow=())
    with pytest.raises(TopologyError, match="at least one branch"):
        topology.replace(branches=())


def test_importing_topologies_loads_nothing_heavy() -> None:
    code = (
        "import sys, branchsim.topology as t; t.Topology.gitflow().describe();"
        "t.read_topology_toml(t.to_toml(t.Topology.build_run()));"
        "print(sorted({'networkx', 'pandas', 'lxml', 'yaml', 'git', 'matplotlib', 'numpy'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


# -- looking things up -------------------------------------------------------------------------------------------------


def test_names_are_matched_to_branches_and_families() -> None:
    topology = Topology(
        (Branch("main", layer="BUILD"), Branch("release/*", layer="RUN"), Branch("release/lts", layer="LTS")),
        (promote("main", "release/*"), promote("main", "release/lts")),
        (
            Family("release/fix-*", source=("main",), to=("release/*",)),
            Family("feature/*", source=("main",), to=("main",)),
            Family("feature/big/*", source=("main",), to=("main",)),
            Family("*", source=("main",), to=("main",)),
        ),
    )
    assert topology.match_branch("release/1.2") == topology.branch("release/*")
    assert topology.layer_of("release/1.2") == "RUN"
    assert topology.layer_of("release/lts") == "LTS"
    assert topology.match_branch("other") is None
    assert not topology.is_bound
    assert topology.layers == ("BUILD", "RUN", "LTS")
    family_of = {
        name: getattr(topology.family_of(name), "pattern", None)
        for name in ("main", "release/1.2", "release/lts", "release/fix-1", "feature/x", "feature/big/x", "x")
    }
    assert family_of == {
        "main": None,
        "release/1.2": None,
        "release/lts": None,
        "release/fix-1": "release/fix-*",
        "feature/x": "feature/*",
        "feature/big/x": "feature/big/*",
        "x": "*",
    }
    with pytest.raises(TopologyError, match=r"no branch 'mian'.*did you mean 'main'"):
        topology.branch("mian")
    with pytest.raises(TopologyError, match="no branch"):
        topology.owed_to("nowhere")


def test_release_tags_and_masks_and_ignore_rules() -> None:
    whole, own = MetadataMask.of({"A": ["*"]}, origin="m"), MetadataMask.of({"B": ["*"]}, branch="r", origin="n")
    topology = Topology(
        (A, R), (promote("a", "r"),), release_tags="v*", masks=(whole, own), ignore_paths=("*.md", "!README.md")
    )
    assert topology.is_release_tag("v1")
    assert not topology.is_release_tag("w1")
    assert not Topology((A,)).is_release_tag("v1")
    assert topology.mask_for("r") == own
    assert topology.mask_for("a") == whole
    assert Topology((A,)).mask_for("a") is None
    assert topology.ignored.covers("x/a.md")
    assert not topology.ignored.covers("README.md")


def test_a_change_is_waived_by_path_only_if_all_its_paths_are() -> None:
    by_commit, by_docs, by_lock, by_author = (
        Waiver(commit="abcd", reason="1"),
        Waiver(path="docs/**", reason="2"),
        Waiver(path="*.lock", reason="3"),
        Waiver(author="bot", reason="4"),
    )
    topology = Topology((A,), waivers=(by_commit, by_docs, by_lock, by_author))
    assert topology.waiver_for(commit="abcd" + "0" * 36) == by_commit
    assert topology.waiver_for(author=("bot", "x@y")) == by_author
    assert topology.waiver_for(paths=["docs/a", "x.lock"]) == by_docs
    assert topology.waiver_for(paths=["docs/a", "src/x"]) is None
    assert topology.waiver_for(paths=[]) is None
    assert topology.waiver_for(commit="f" * 40, author=("jo", "j@x")) is None


# -- walks, against networkx -------------------------------------------------------------------------------------------


@given(topologies())
def test_the_graph_holds_every_branch_and_flow(topology: Topology) -> None:
    graph = topology.graph
    assert list(graph.nodes) == [branch.name for branch in topology.branches]
    assert [graph.nodes[name]["order"] for name in graph.nodes] == list(range(len(topology.branches)))
    for branch in topology.branches:
        node = graph.nodes[branch.name]
        assert (node["layer"], node["level"], node["direct"], node["pattern"]) == (
            branch.layer,
            branch.level,
            branch.direct,
            False,
        )
    edges = {
        (kind, source, target, data["methods"][kind])
        for source, target, data in graph.edges(data=True)
        for kind in data["kinds"]
    }
    assert edges == {(flow.kind, flow.source, flow.target, flow.methods) for flow in topology.flows}
    graph.clear()
    assert topology.graph.number_of_nodes() == len(topology.branches)


def _promotions(topology: Topology) -> nx.DiGraph[str]:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(branch.name for branch in topology.branches)
    graph.add_edges_from((flow.source, flow.target) for flow in topology.promotions())
    return graph


@given(topologies())
def test_walks_along_promotions_agree_with_networkx(topology: Topology) -> None:
    graph = _promotions(topology)
    order = [branch.name for branch in topology.branches]
    for name in order:
        assert set(topology.downstream(name)) == nx.descendants(graph, name)
        assert set(topology.upstream(name)) == nx.ancestors(graph, name)
        assert list(topology.downstream(name)) == sorted(topology.downstream(name), key=order.index)
        for other in order:
            path = topology.promotion_path(name, other)
            if name == other or not nx.has_path(graph, name, other):
                assert path == ()
            else:
                assert len(path) == nx.shortest_path_length(graph, name, other)
                assert (path[0].source, path[-1].target) == (name, other)
    chain = topology.promotion_chain()
    assert len(chain) == nx.dag_longest_path_length(graph) + 1
    assert nx.is_path(graph, list(chain))
    assert topology.last_branch() == chain[-1]
    assert topology.last_branch() in topology.last_branches()


@given(topologies(single_layer=True))
def test_in_one_layer_what_is_owed_is_what_flows_reach(topology: Topology) -> None:
    everything = _promotions(topology)
    retrofits = {(flow.source, flow.target) for flow in topology.retrofits()}
    for branch in topology.branches:
        # States: (branch, whether the last step was a retrofit); a branch is owed if a retrofit can enter it.
        states: nx.DiGraph[tuple[str, bool]] = nx.DiGraph()
        states.add_node((branch.name, False))
        excluded = {branch.name, *nx.descendants(everything, branch.name)}
        for source, target in everything.edges:
            for last in (False, True):
                states.add_edge((source, last), (target, False))
        for source, target in retrofits:
            if target not in excluded:
                for last in (False, True):
                    states.add_edge((source, last), (target, True))
        reached = nx.descendants(states, (branch.name, False))
        assert set(topology.owed_to(branch.name)) == {name for name, entered in reached if entered}


@given(topologies())
def test_every_rule_gives_its_reason_and_its_deadlines(topology: Topology) -> None:
    rules = {(rule.landed_on, rule.owed_to): rule for rule in topology.obligation_rules()}
    promotions = set(topology.promotions())
    for branch in topology.branches:
        owed = set(topology.owed_to(branch.name))
        assert branch.name not in owed
        assert owed.isdisjoint(topology.downstream(branch.name))
        from_families = {
            target
            for family in topology.families
            if branch.name in family.to
            for target in topology.owed_to(branch.name, family)
        }
        assert {target for source, target in rules if source == branch.name} == owed | from_families
    for (landed_on, owed_to), rule in rules.items():
        if not rule.families:
            assert rule.via[0].source == landed_on
            assert (rule.via[-1].kind, rule.via[-1].target) == ("retrofit", owed_to)
            assert all(a.target == b.source for a, b in zip(rule.via, rule.via[1:], strict=False))
        assert set(rule.deadlines) <= promotions
        for flow in rule.deadlines:
            assert topology.layer_of(flow.target) == topology.layer_of(landed_on)
            assert flow.source == owed_to or flow.source in topology.downstream(owed_to)


# -- binding -----------------------------------------------------------------------------------------------------------


def test_binding_puts_real_branches_in_the_place_of_a_pattern() -> None:
    topology = Topology.release_train()
    bound = topology.bind(["release/1.10", "release/1.2", "feature/x", "main", "other"])
    assert [branch.name for branch in bound.branches] == ["main", "release/1.2", "release/1.10"]
    assert bound.is_bound
    assert bound.owed_to("release/1.2") == ("main", "release/1.10")
    assert bound.owed_to("release/1.10") == ("main",)
    assert bound.owed_to("main") == ()
    assert bound.last_branch() == "release/1.10"
    assert bound.last_branches() == ("release/1.2", "release/1.10")
    assert bound.bind(["release/3"]) is bound


def test_binding_leaves_out_a_pattern_without_branches_and_says_so() -> None:
    bound = Topology.release_train().bind(["main"])
    assert [branch.name for branch in bound.branches] == ["main"]
    assert any("release/*" in note for note in bound.notes)
    assert any("hotfix/*" in note for note in bound.notes)


def test_binding_nothing_at_all_keeps_the_pattern_and_says_so() -> None:
    topology = Topology((Branch("release/*", layer="RUN", direct=True),))
    bound = topology.bind(["main"])
    assert bound == topology
    assert "nothing could be bound" in bound.notes[0]


def test_binding_keeps_short_lived_branches_out_of_a_pattern() -> None:
    topology = Topology(
        (Branch("main", layer="BUILD"), Branch("release/*", layer="RUN")),
        (promote("main", "release/*"), retrofit("release/*", "main")),
        (Family("release/fix-*", source=("release/*",), to=("release/*",), retrofit=("main",)),),
        masks=(MetadataMask.of({"A": ["*"]}, branch="release/*"),),
    )
    bound = topology.bind(["release/fix-1", "release/2", "release/1"])
    assert [branch.name for branch in bound.branches] == ["main", "release/1", "release/2"]
    assert bound.families[0].to == ("release/1", "release/2")
    assert bound.families[0].retrofit == ("main",)
    assert [mask.branch for mask in bound.masks] == ["release/1", "release/2"]


def test_binding_opens_a_branch_whose_flows_went_with_the_pattern() -> None:
    topology = Topology(
        (Branch("next/*", layer="BUILD"), Branch("main", layer="RUN"), Branch("doc", layer="RUN")),
        (promote("next/*", "main"), promote("next/*", "doc"), retrofit("doc", "main")),
    )
    bound = topology.bind(["main", "doc"])
    assert [(branch.name, branch.direct) for branch in bound.branches] == [("main", True), ("doc", True)]
    assert any("'doc'" in note and "direct" in note for note in bound.notes)


def test_binding_drops_a_retrofit_to_which_no_flow_leads_any_more() -> None:
    topology = Topology(
        (Branch("next", layer="BUILD"), Branch("rel/*", layer="RUN"), Branch("main", layer="RUN")),
        (promote("next", "main"), retrofit("main", "rel/*"), retrofit("rel/*", "next")),
        (Family("hotfix/*", source=("main",), to=("main",), retrofit=("next",)),),
    )
    assert topology.bind(["rel/1"]).families[0].retrofit == ("next",)
    bound = topology.bind([])
    assert bound.families[0].retrofit == ()
    assert any("fewer retrofits" in note for note in bound.notes)


@given(st.lists(names.map(lambda name: f"release/{name}"), max_size=6, unique=True), st.randoms())
def test_binding_does_not_depend_on_the_order_of_branches(releases: list[str], random: Any) -> None:
    topology = Topology.release_train()
    shuffled = list(releases)
    random.shuffle(shuffled)
    bound = topology.bind(releases)
    assert bound == topology.bind(shuffled)
    assert bound.notes == topology.bind(shuffled).notes
    for older, newer in zip(bound.last_branches(), bound.last_branches()[1:], strict=False):
        assert newer in bound.owed_to(older)
        assert older not in bound.owed_to(newer)
