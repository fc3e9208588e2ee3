"""What holds for every picture, whatever it shows."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from support import pictures

from branchsim import plot
from branchsim.errors import InputError
from branchsim.plot import style
from branchsim.topology import Branch, Family, Flow, Topology

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    Draw = Callable[..., Axes]

_TOPOLOGY = Topology.build_run()

DRAWN: dict[str, Draw] = {
    "topology": lambda **more: plot.topology(_TOPOLOGY, obligations=pictures.obligations(9), **more),
    "timeline": lambda **more: plot.timeline(
        pictures.landings(30),
        obligations=pictures.obligations(16),
        promotions=pictures.promotions(),
        overwrites=pictures.overwrites(8),
        windows=pictures.windows(),
        **more,
    ),
    "timeline-dense": lambda **more: plot.timeline(
        pictures.landings(3000), promotions=pictures.promotions(), obligations=pictures.obligations(300), **more
    ),
    "retrofit_latency": lambda **more: plot.retrofit_latency(pictures.obligations(60), by="landed_on", **more),
    "latency_over_time": lambda **more: plot.latency_over_time(pictures.obligations(60), **more),
    "presence": lambda **more: plot.presence(pictures.obligations(24), **more),
    "presence-all": lambda **more: plot.presence(pictures.obligations(500), most=None, **more),
    "overwrites_by_file": lambda **more: plot.overwrites_by_file(pictures.overwrites(60), **more),
    "overwrites_by_cause": lambda **more: plot.overwrites_by_cause(pictures.overwrites(60), **more),
    "forecast": lambda **more: plot.forecast(pictures.forecasts(), **more),
    "risk_by_delay": lambda **more: plot.risk_by_delay(pictures.risks(), **more),
    "strategies": lambda **more: plot.strategies(pictures.summaries(), **more),
    "branch_graph": lambda **more: plot.branch_graph(pictures.GRAPH, highlight=["c5"], **more),
}
_EACH = pytest.mark.parametrize("name", DRAWN)


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure()
    assert isinstance(figure, Figure)
    return figure


@_EACH
def test_texts_stay_inside_the_figure_and_apart(name: str) -> None:
    ax = DRAWN[name]()
    pictures.assert_texts_inside(_figure(ax))
    pictures.assert_texts_apart(_figure(ax))
    pictures.assert_legend_beside(ax)
    for axis in (ax.xaxis, ax.yaxis):
        assert axis.get_label_text() or not len(axis.get_ticklocs()), "an axis does not say what it measures"


@_EACH
def test_texts_stay_inside_a_part_of_a_figure_and_apart(name: str) -> None:
    figure, (ax, other) = plt.subplots(1, 2, figsize=(15, 8), layout="constrained")
    assert DRAWN[name](ax=ax) is ax
    assert not other.has_data()
    pictures.assert_texts_inside(figure)
    pictures.assert_texts_apart(figure)
    pictures.assert_legend_beside(ax)


@_EACH
def test_the_legend_takes_its_room_from_axes_without_a_layout(name: str) -> None:
    figure = plt.figure(figsize=(14, 9))
    ax = figure.add_axes((0.3, 0.2, 0.6, 0.6))
    before = ax.get_position()
    DRAWN[name](ax=ax)
    pictures.assert_legend_beside(ax)
    made = ax.get_legend()
    if made is not None:
        assert made.get_window_extent().x1 <= before.x1 * figure.bbox.width + 1


@_EACH
def test_the_same_is_drawn_each_time_no_setting_changes_nothing_is_shown(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def show(*_: object, **__: object) -> None:
        raise AssertionError("a picture was shown")

    monkeypatch.setattr(plt, "show", show)
    monkeypatch.setattr(Figure, "show", show)
    before = dict(mpl.rcParams)
    first = pictures.png(_figure(DRAWN[name]()))
    assert dict(mpl.rcParams) == before
    assert pictures.png(_figure(DRAWN[name]())) == first


@_EACH
def test_a_dark_theme_hides_nothing(name: str) -> None:
    with plt.style.context("dark_background"):
        figure = _figure(DRAWN[name]())
        ground = mpl.colors.to_rgb(figure.axes[0].get_facecolor())
        for text, _ in pictures.texts(figure):
            behind = text.get_bbox_patch()
            on = mpl.colors.to_rgb(behind.get_facecolor()) if behind is not None else ground
            inside = name in {"presence", "branch_graph"} and text in figure.axes[0].texts
            assert inside or _contrast(mpl.colors.to_rgb(text.get_color()), on) > 2.5, text.get_text()


def _contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """The contrast of two colours as the accessibility guidelines of the web measure it: 1 to 21."""

    def light(colour: tuple[float, float, float]) -> float:
        parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    "name",
    [
        "timeline",
        "retrofit_latency",
        "latency_over_time",
        "presence",
        "overwrites_by_file",
        "forecast",
        "risk_by_delay",
        "strategies",
    ],
)
def test_keywords_reach_the_marks(name: str) -> None:
    ax = DRAWN[name](alpha=0.123)
    drawn = [*ax.collections, *ax.patches, *ax.lines]
    assert any(artist.get_alpha() == 0.123 for artist in drawn)


@_EACH
def test_a_size_is_for_new_figures_only(name: str) -> None:
    assert tuple(_figure(DRAWN[name](figsize=(11.0, 7.0))).get_size_inches()) == (11.0, 7.0)
    _, ax = plt.subplots()
    with pytest.raises(InputError, match="figsize"):
        DRAWN[name](ax=ax, figsize=(11.0, 7.0))


@pytest.mark.parametrize(
    ("draw", "given"),
    [
        (plot.timeline, pictures.landings(0)),
        (plot.retrofit_latency, pictures.obligations(0)),
        (plot.latency_over_time, pictures.obligations(0)),
        (plot.presence, pictures.obligations(0)),
        (plot.overwrites_by_file, pictures.overwrites(0)),
        (plot.overwrites_by_cause, pictures.overwrites(0)),
        (plot.forecast, pictures.forecasts().iloc[:0]),
        (plot.branch_graph, []),
        (plot.risk_by_delay, pictures.risks().iloc[:0]),
        (plot.strategies, pictures.summaries().iloc[:0]),
    ],
)
def test_nothing_to_show_is_said(draw: Draw, given: Any) -> None:
    ax = draw(given)
    assert [text.get_text() for text in ax.texts]
    assert isinstance(ax.figure, Figure)
    assert ax.figure.get_size_inches()[1] < 1  # a low line, and no empty page
    assert ax.get_legend() is None


@pytest.mark.parametrize(
    "draw",
    [
        plot.timeline,
        plot.retrofit_latency,
        plot.latency_over_time,
        plot.presence,
        plot.overwrites_by_file,
        plot.overwrites_by_cause,
        plot.forecast,
        plot.risk_by_delay,
        plot.strategies,
    ],
)
def test_a_table_without_its_columns_is_refused(draw: Draw) -> None:
    with pytest.raises(InputError, match="has no column"):
        draw(pd.DataFrame({"brunch": ["a"]}))
    with pytest.raises(InputError, match=r"expected an (audit|experiment) or a table"):
        draw(object())


def test_a_table_without_times_is_refused() -> None:
    wrong = pictures.landings(2).assign(landed_at=["yesterday", "today or so"])
    with pytest.raises(InputError, match="landed_at"):
        plot.timeline(wrong)


# -- hostile names ---------------------------------------------------------------------------------------------------

_NAMES = st.one_of(
    st.sampled_from(
        [
            "$a$",
            "$\\frac{",
            "_hidden",
            "x" * 300,
            "日本語",
            "\u202eevil",
            "a\nb",
            "\x1b[31m",
            "<b>",
            "%",
            "{}",
            "\\",
            "🙂",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
)
_PLENTY = settings(
    max_examples=8, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None
)


@settings(_PLENTY, max_examples=5)  # each draws nine pictures
@given(names=st.lists(_NAMES, min_size=2, max_size=6, unique=True), subject=_NAMES, verdict=_NAMES)
def test_no_name_breaks_a_picture(names: list[str], subject: str, verdict: str) -> None:
    owed = pictures.obligations(12, names).assign(subject=subject)
    owed.loc[0, "verdict"] = verdict
    dropped = pictures.overwrites(9).assign(path=subject, cause=verdict)
    commits = [(name, f"c{number}", (), subject) for number, name in enumerate(names)]
    forecasts = pictures.forecasts().assign(source=names[0], target=names[1])
    for ax in (
        plot.timeline(pictures.landings(12, names), obligations=owed, promotions=pictures.promotions(names)),
        plot.presence(owed),
        plot.retrofit_latency(owed, by="landed_on"),
        plot.overwrites_by_file(dropped),
        plot.overwrites_by_cause(dropped),
        plot.forecast(forecasts),
        plot.branch_graph(commits),
        plot.risk_by_delay(pictures.risks().replace({"strategy": {"no guards": subject}}).assign(risk=verdict)),
        plot.strategies(pictures.summaries().replace({"strategy": {"no guards": subject}})),
    ):
        pictures.assert_texts_inside(_figure(ax))
        pictures.assert_texts_apart(_figure(ax))
        pictures.close_all()


@_PLENTY
@given(
    names=st.lists(st.text("abcxyz", min_size=1, max_size=30), min_size=1, max_size=9, unique=True),
    data=st.data(),
    across=st.sampled_from(["auto", "horizontal", "vertical"]),
)
def test_any_topology_can_be_drawn(names: list[str], data: st.DataObject, across: Any) -> None:
    layers = data.draw(st.lists(st.sampled_from(["BUILD", "RUN", "_x$"]), min_size=len(names), max_size=len(names)))
    pairs = [(one, other) for one in names for other in names if one != other]
    back = data.draw(st.lists(st.sampled_from(pairs), max_size=6, unique=True)) if pairs else []
    ends = {(names[-1], names[0]), *back} if len(names) > 1 else {*back}
    onward = [*pairwise(names)]
    model = Topology(
        tuple(Branch(name, layer=layer, direct=True) for name, layer in zip(names, layers, strict=True)),
        (
            *(Flow("promote", source=one, target=other) for one, other in onward),
            *(Flow("retrofit", source=one, target=other) for one, other in sorted(ends)),
        ),
        (Family("fix/*", source=(names[-1],), to=(names[-1],), retrofit=tuple({*names[:1]} - {names[-1]})),),
    )
    owed = pd.DataFrame(
        {"landed_on": [p[0] for p in back], "owed_to": [p[1] for p in back], "verdict": ["missed"] * len(back)}
    )
    ax = plot.topology(model, obligations=owed, orientation=across)
    pictures.assert_texts_inside(_figure(ax))
    assert sum(text.get_text() == "1" for text in ax.texts) == len(back)
    pictures.close_all()


@given(st.text())
def test_a_label_is_one_line_without_formulas(text: str) -> None:
    made = style.label(text, 30)
    assert "\n" not in made
    assert made.replace("\\$", "").count("$") == 0
    assert len(made.replace("\\$", "$")) <= 31
    assert all(style.drawable(character) for character in made)


# -- colours ---------------------------------------------------------------------------------------------------------

# What people without one kind of cone see, as matrices on linear RGB: G. Machado, M. Oliveira, L. Fernandes, A
# physiologically-based model for simulation of color vision deficiency (2009), severity 1.
_CONES = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
    "none": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
}


@pytest.mark.parametrize("kind", _CONES)
def test_verdicts_are_told_apart_with_any_colour_vision(kind: str) -> None:
    seen = {}
    for verdict, colour in style.VERDICT_COLOURS.items():
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in mpl.colors.to_rgb(colour)
        ]
        seen[verdict] = [sum(w * part for w, part in zip(row, linear, strict=True)) for row in _CONES[kind]]
    for verdict, one in seen.items():
        for other, two in seen.items():
            apart = sum((a - b) ** 2 for a, b in zip(one, two, strict=True)) ** 0.5
            assert verdict == other or apart > 0.08 or style.VERDICT_SIGNS[verdict] != style.VERDICT_SIGNS[other]
    assert len({*style.VERDICT_SIGNS.values()}) == len(style.VERDICT_SIGNS)


def test_what_is_no_axes_and_no_number_is_refused() -> None:
    with pytest.raises(InputError, match="ax must be matplotlib Axes, and not int; leave it out"):
        plot.timeline(pictures.landings(3), ax=cast("Axes", 3))
    with pytest.raises(InputError, match="most must be a whole number, at least 1, and not 'x'"):
        plot.presence(pictures.obligations(3), most=cast("int", "x"))
