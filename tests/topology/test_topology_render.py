from __future__ import annotations

import re
from html.parser import HTMLParser

from hypothesis import given
from topology_strategies import topologies

from branchsim.topology import GUARDS, Branch, Family, Flow, Topology, Waiver, describe, draw, mermaid


def test_a_drawing_shows_each_flow_in_a_column() -> None:
    assert draw(Topology.build_run()) == (
        "build-run\n"
        "  BUILD  integration  ○     ◀\n"
        "  BUILD  uat          ◀ ○   ┊\n"
        "  RUN    preprod        ◀ ○ ◇\n"
        "  RUN    production       ◀\n"
        "  ○ │ ◀ promote, ◇ ┊ ◀ retrofit\n"
        "  feature/*: from integration to integration by merge, squash or rebase\n"
        "  hotfix/*: from preprod to preprod by merge, owes a retrofit to integration\n"
    )
    assert str(Topology.gitflow()) == Topology.gitflow().draw()


def test_a_drawing_can_do_without_unicode() -> None:
    topology = Topology.release_train()
    assert draw(topology, ascii_only=True).isascii()
    assert "@" in draw(topology, ascii_only=True)
    assert draw(Topology.trunk()).count("\n") == 4


def test_mermaid_boxes_layers_and_dots_retrofits() -> None:
    text = mermaid(Topology.build_run())
    assert text.startswith('flowchart LR\n  subgraph l0["BUILD"]\n    b0["integration"]\n')
    assert "  b2 -.->|retrofit| b0\n" in text
    assert "  b0 -->|promote| b1\n" in text
    assert '  f1(["hotfix/#42;"])\n' in text
    assert "  f1 -.->|retrofit| b0\n" in text


@given(topologies())
def test_no_name_breaks_out_of_a_mermaid_label(topology: Topology) -> None:
    line = re.compile(
        r'flowchart LR|  subgraph l\d+\["[^"<>&\[\]{}()|`]*"\]|  end|    b\d+\["[^"<>&\[\]{}()|`]*"\]'
        r"|  b\d+ (-->|-\.->)\|(promote|retrofit)\| b\d+|  f\d+\(\[\"[^\"<>&\[\]{}()|`]*\"\]\)"
        r"|  b\d+ (---|<-->) f\d+|  f\d+ (-->|-\.->\|retrofit\|) b\d+"
    )
    lines = mermaid(topology).splitlines()
    assert all(line.fullmatch(text) for text in lines)
    assert sum(text.startswith("    b") for text in lines) == len(topology.branches)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.cells: list[str] = []
        self.open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes += attrs
        if tag == "td":
            self.cells.append("")
        self.open = tag == "td"

    def handle_endtag(self, tag: str) -> None:
        self.open = self.open and tag != "td"

    def handle_data(self, data: str) -> None:
        if self.open:
            self.cells[-1] += data


@given(topologies())
def test_no_name_breaks_out_of_the_html(topology: Topology) -> None:
    tags = _Tags()
    tags.feed(topology._repr_html_())
    tags.close()
    layout = {"style", "div", "details", "summary", "pre"}
    assert tags.found <= {"table", "thead", "tbody", "tr", "th", "td", "ul", "li"} | layout
    assert {name for name, _ in tags.attributes} <= {"class"}
    assert tags.cells[1::4] == [branch.name for branch in topology.branches]


@given(topologies())
def test_nothing_that_steers_a_terminal_is_printed(topology: Topology) -> None:
    for text in (draw(topology), describe(topology), draw(topology, ascii_only=True)):
        assert all(character.isprintable() for character in text.replace("\n", ""))
    assert len(draw(topology).splitlines()) == 1 + len(topology.branches) + bool(topology.flows) + len(
        topology.families
    )


def test_control_characters_are_shown_as_escapes() -> None:
    topology = Topology((Branch("a", layer="\x1b[31mX\n"),), notes=("<script>\u202e",))
    assert "\\x1b[31mX\\n" in draw(topology)
    assert "\\u202e" in describe(topology)
    assert "&lt;script&gt;" in topology._repr_html_()


def test_a_description_says_everything_that_is_judged() -> None:
    topology = Topology(
        (Branch("a", layer="BUILD"), Branch("r", layer="RUN")),
        (Flow("promote", source="a", target="r"), Flow("retrofit", source="r", target="a", methods=("merge",))),
        (Family("f/*", source=("a",), to=("a",)),),
        guards=("run-frozen-while-ahead",),
        ignore_paths=("*.lock", "docs/**"),
        waivers=(Waiver(author="bot", reason="x"),),
        release_tags="v*",
        notes=("mind the gap",),
    )
    assert topology.describe() == (
        "topology: 2 branches in BUILD and RUN.\n"
        "Promotions: a -> r; releases land on r.\n"
        "  a (BUILD) takes retrofit from r by merge; work from f/*.\n"
        "  r (RUN) takes promotion from a.\n"
        "Owed:\n"
        "  what lands on r is owed to a, before the next promotion a -> r.\n"
        f"Guard run-frozen-while-ahead: {GUARDS['run-frozen-while-ahead']}\n"
        "Tags that match v* mark releases.\n"
        "Left out of every judgement: *.lock and docs/**.\n"
        "Waivers: 1.\n"
        "Note: mind the gap\n"
    )
    assert "Nothing is owed anywhere." in describe(Topology.trunk())
