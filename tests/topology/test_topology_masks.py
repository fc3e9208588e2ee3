from __future__ import annotations

import pytest

from branchsim.errors import TopologyError
from branchsim.topology import MetadataMask, metadata_of

ROOT = "force-app/main/default"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{ROOT}/profiles/Admin.profile-meta.xml", ("Profile", "Admin")),
        (f"{ROOT}/profiles/My %2E Profile.profile-meta.xml", ("Profile", "My %2E Profile")),
        (f"{ROOT}/classes/A.cls", ("ApexClass", "A")),
        (f"{ROOT}/classes/A.cls-meta.xml", ("ApexClass", "A")),
        (f"{ROOT}/objects/Account/Account.object-meta.xml", ("CustomObject", "Account")),
        (f"{ROOT}/objects/Account/fields/Code__c.field-meta.xml", ("CustomField", "Account.Code__c")),
        (f"{ROOT}/objects/Account/listViews/All.listView-meta.xml", ("ListView", "Account.All")),
        (f"{ROOT}/objects/Account/recordTypes/B.recordType-meta.xml", ("RecordType", "Account.B")),
        (f"{ROOT}/layouts/Account-Account Layout.layout-meta.xml", ("Layout", "Account-Account Layout")),
        (f"{ROOT}/customMetadata/T.R.md-meta.xml", ("CustomMetadata", "T.R")),
        (f"{ROOT}/quickActions/Account.New.quickAction-meta.xml", ("QuickAction", "Account.New")),
        (f"{ROOT}/reports/Sales/Q/R.report-meta.xml", ("Report", "Sales/Q/R")),
        (f"{ROOT}/lwc/banner/banner.js", ("LightningComponentBundle", "banner")),
        (f"{ROOT}/lwc/banner/classes/x.cls", ("LightningComponentBundle", "banner")),
        (f"{ROOT}/staticresources/logo.resource-meta.xml", ("StaticResource", "logo")),
        (f"{ROOT}/staticresources/lib/a/b.js", ("StaticResource", "lib")),
        (f"{ROOT}/labels/CustomLabels.labels-meta.xml", ("CustomLabels", "CustomLabels")),
        ("classes/main/default/profiles/Admin.profile-meta.xml", ("Profile", "Admin")),
        ("README.md", None),
        ("force-app/x/y.txt", None),
        ("objects", None),
        ("objects/Account/unknown/x.txt", None),
        ("", None),
        ("profiles/", ("Profile", "")),
    ],
)
def test_a_path_is_the_metadata_a_manifest_would_name(path: str, expected: tuple[str, str] | None) -> None:
    assert metadata_of(path) == expected


def test_a_mask_covers_names_stars_and_patterns() -> None:
    mask = MetadataMask.of({"Profile": ["*"], "CustomObject": ["*__dlm"], "Report": ["Sales/Weekly"]})
    assert mask.covers(f"{ROOT}/profiles/Admin.profile-meta.xml")
    assert mask.covers(f"{ROOT}/objects/A__dlm/A__dlm.object-meta.xml")
    assert not mask.covers(f"{ROOT}/objects/A__c/A__c.object-meta.xml")
    assert mask.covers(f"{ROOT}/reports/Sales/Weekly.report-meta.xml")
    assert not mask.covers(f"{ROOT}/reports/Sales/Daily.report-meta.xml")
    assert not mask.covers("README.md")


def test_an_object_does_not_cover_its_fields() -> None:
    mask = MetadataMask.of({"CustomObject": ["Account"]})
    assert mask.covers(f"{ROOT}/objects/Account/Account.object-meta.xml")
    assert not mask.covers(f"{ROOT}/objects/Account/fields/A__c.field-meta.xml")


def test_single_labels_do_not_cover_the_file_of_all_labels() -> None:
    path = f"{ROOT}/labels/CustomLabels.labels-meta.xml"
    assert not MetadataMask.of({"CustomLabel": ["Greeting"]}).covers(path)
    assert MetadataMask.of({"CustomLabel": ["*"]}).covers(path)
    assert MetadataMask.of({"CustomLabels": ["CustomLabels"]}).covers(path)


def test_masks_are_compared_by_what_they_hold() -> None:
    one = MetadataMask.of({"B": ["y", "x", "x"], "A": ["*"]}, branch="main", origin="f")
    assert one == MetadataMask.of({"A": ["*"], "B": ["x", "y"]}, branch="main", origin="f")
    assert one.types == {"A": ("*",), "B": ("x", "y")}
    one.types.clear()
    assert one.types
    assert hash(one) == hash(eval(repr(one)))  # noqa: S307 - the repr of our own record


@pytest.mark.parametrize("types", [{"": ["x"]}, {"A B": ["x"]}, {"A": [""]}])
def test_a_damaged_mask_is_an_error(types: dict[str, list[str]]) -> None:
    with pytest.raises(TopologyError, match="mask"):
        MetadataMask.of(types)


def test_a_text_in_the_place_of_a_list_is_an_error() -> None:
    with pytest.raises(TopologyError, match="as a list"):
        MetadataMask.of({"A": "xyz"})
