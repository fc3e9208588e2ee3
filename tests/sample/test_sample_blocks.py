"""Blocks: a text is cut without loss, and a careful resolution keeps both sides."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from branchsim.sample import salesforce as sf
from branchsim.sample.blocks import block_of, blocks, joined, keep_both

_FILES = sf.start()


@given(st.text(st.sampled_from("ab{}<>/( \n"), max_size=60) | st.sampled_from(sorted(_FILES.values())))
def test_blocks_joined_are_the_text(text: str) -> None:
    assert joined(blocks(text)) == text


def test_metadata_is_well_formed() -> None:
    for path, text in _FILES.items():
        if path.endswith(".xml"):
            assert etree.fromstring(text.encode()).tag.startswith("{" + sf.NAMESPACE + "}")


def test_edits_leave_metadata_well_formed() -> None:
    flow = _FILES[sf.flow("Case")]
    profile = _FILES[sf.profile("Admin")]
    layout = _FILES[sf.layout("Case")]
    for text in (
        sf.add_condition(flow, "Check_Date", "Fix__c", 7),
        sf.set_number(flow, "Check_Amount", 9),
        sf.add_permission(profile, "Case.Fix__c", 31),
        sf.sort_elements(profile),
        sf.add_layout_item(layout, "Fix__c", 5),
        sf.set_api(flow, "65.0"),
    ):
        etree.fromstring(text.encode())


def test_sorting_and_moving_change_no_line() -> None:
    profile, service = _FILES[sf.profile("Admin")], _FILES[sf.service("Case")]
    assert sorted(sf.sort_elements(profile).splitlines()) == sorted(profile.splitlines())
    assert sf.sort_elements(profile) != profile
    moved = sf.move_method(service, "creditBound")
    assert sorted(moved.splitlines()) == sorted(service.splitlines())
    assert block_of(moved, "creditBound") == block_of(service, "creditBound")


@given(st.integers(0, 200), st.integers(0, 200))
def test_keep_both_keeps_both(one: int, other: int) -> None:
    base = _FILES[sf.profile("Standard")]
    ours, theirs = sf.add_permission(base, "Case.One__c", one), sf.add_permission(base, "Case.Other__c", other)
    both = keep_both(base, ours, theirs)
    etree.fromstring(both.encode())
    assert sorted(key for key, _ in blocks(both) if key[0] == "fieldPermissions") == sorted(
        {key for text in (ours, theirs) for key, _ in blocks(text) if key[0] == "fieldPermissions"}
    )


def test_keep_both_lets_go_what_one_side_removed() -> None:
    base = _FILES[sf.service("Case")]
    block = block_of(base, "riskLevel")
    theirs = sf.set_bound(base, "creditBound", 4)
    merged = keep_both(base, base.replace(block, ""), theirs)
    assert block not in merged
    assert "bound = 4;" in merged
