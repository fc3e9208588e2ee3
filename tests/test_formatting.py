"""Text and HTML for people: nothing that strangers wrote gets through."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from branchsim import formatting
from branchsim.accessors import accessor, register

_ANY = st.text(st.characters())  # surrogates and control characters too


@given(_ANY)
def test_plain_text_has_nothing_that_a_terminal_obeys(text: str) -> None:
    made = formatting.plain(text)
    assert made.isprintable()
    made.encode()


@given(_ANY)
def test_escaped_text_is_text_only(text: str) -> None:
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            raise AssertionError(f"{tag} {attrs}")

        def handle_data(self, data: str) -> None:
            found.append(data)

    reader = Reader(convert_charrefs=True)
    reader.feed(formatting.escape(text))
    reader.close()
    assert "".join(found) == formatting.plain(text)


@given(st.text(), st.integers(1, 50), st.sampled_from(["start", "middle", "end"]))
def test_a_shortened_text_fits_and_keeps_its_ends(text: str, most: int, cut: str) -> None:
    made = formatting.shorten(text, most, cut=cut)  # type: ignore[arg-type]
    assert len(made) <= most
    if len(text) <= most:
        assert made == text
    elif cut == "start":
        assert text.endswith(made.removeprefix("…"))
    elif cut == "end":
        assert text.startswith(made.removesuffix("…"))


@pytest.mark.parametrize(
    ("seconds", "day", "minute"),
    [(0, "1970-01-01", "1970-01-01 00:00 UTC"), (None, "", ""), (10**15, "", ""), (-(10**15), "", "")],
)
def test_times_are_utc_and_impossible_ones_are_empty(seconds: int | None, day: str, minute: str) -> None:
    assert formatting.day(seconds) == day
    assert formatting.minute(seconds) == minute


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (0.0, "0 minutes"),
        (1 / 60, "1 minute"),
        (1.0, "1 hour"),
        (47.0, "47 hours"),
        (48.0, "2 days"),
        (48000, "2,000 days"),
    ],
)
def test_spans_have_the_unit_that_fits(hours: float, said: str) -> None:
    assert formatting.duration(hours) == said


def test_only_what_is_said_to_be_html_is() -> None:
    assert formatting.tag("p", "<b>") == "<p>&lt;b&gt;</p>"
    assert formatting.tag("p", formatting.Html("<b>x</b>")) == "<p><b>x</b></p>"
    assert formatting.join(["<", formatting.code(">")], "&") == "&lt;&amp;<code>&gt;</code>"
    assert formatting.dot("<", "no such tone").count("&lt;") == 1


def test_what_is_empty_leaves_nothing() -> None:
    for made in (
        formatting.table(["a"], []),
        formatting.facts([("a", None), ("b", "")]),
        formatting.listing([]),
        formatting.folded("a", ""),
    ):
        assert made == ""


def test_an_accessor_is_found_by_class_and_name_and_for_subclasses() -> None:
    class Owner:
        pass

    class Heir(Owner):
        pass

    register("Owner", "twice", lambda owner: (owner, owner))
    heir = Heir()
    assert accessor(heir, "twice") == (heir, heir)
    with pytest.raises(AttributeError, match="'Heir' object has no accessor 'thrice'"):
        accessor(heir, "thrice")


def test_lines_of_a_file_keep_their_indentation() -> None:
    assert formatting.block("\tif (a)\n\t\tb\tc;") == "<pre>    if (a)\n        b   c;</pre>"
