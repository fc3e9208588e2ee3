from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.effects import element, found, read

from branchsim.effects import Form, Units
from branchsim.effects.metadata_blocks import laid_out
from branchsim.effects.text import Limits
from branchsim.effects.units import units_of

ROOT = '<?xml version="1.0" encoding="UTF-8"?>\n<{0} xmlns="http://soap.sforce.com/2006/04/metadata"{2}>{1}</{0}>'


def metadata(body: str, root: str = "Profile", attributes: str = "") -> Units:
    return read("force-app/main/default/profiles/Admin.profile-meta.xml", ROOT.format(root, body, attributes))


def _many(attributes: int) -> str:
    return "".join(f' a{number}=""' for number in range(attributes))


def child(tag: str, **leaves: str) -> str:
    return f"<{tag}>" + "".join(f"<{name}>{text}</{name}>" for name, text in leaves.items()) + f"</{tag}>"


@pytest.mark.parametrize(
    ("root", "tag", "leaves", "key"),
    [
        ("Profile", "applicationVisibilities", {"application": "Sales", "visible": "true"}, "Sales"),
        ("Profile", "classAccesses", {"apexClass": "Foo", "enabled": "true"}, "Foo"),
        ("Profile", "fieldPermissions", {"editable": "true", "field": "Account.Name"}, "Account.Name"),
        ("Profile", "layoutAssignments", {"layout": "Account-A", "recordType": "Account.B"}, "Account-A|Account.B"),
        ("Profile", "layoutAssignments", {"layout": "Account-A"}, "Account-A"),
        ("Profile", "objectPermissions", {"allowRead": "true", "object": "Account"}, "Account"),
        ("Profile", "pageAccesses", {"apexPage": "Page", "enabled": "true"}, "Page"),
        ("Profile", "recordTypeVisibilities", {"default": "true", "recordType": "Account.B"}, "Account.B"),
        ("Profile", "tabVisibilities", {"tab": "standard-Account", "visibility": "DefaultOn"}, "standard-Account"),
        ("PermissionSet", "tabSettings", {"tab": "Foo__c", "visibility": "Visible"}, "Foo__c"),
        ("Profile", "userPermissions", {"enabled": "true", "name": "ApiEnabled"}, "ApiEnabled"),
        ("CustomLabels", "labels", {"fullName": "Hello", "value": "Hello!"}, "Hello"),
        ("Flow", "decisions", {"name": "Is_New", "label": "New?"}, "Is_New"),
        ("Flow", "inputAssignments", {"field": "Name", "value": "x"}, "Name"),
        ("Package", "types", {"members": "Foo", "name": "ApexClass"}, "ApexClass"),
        ("Workflow", "fieldUpdates", {"fullName": "Set", "field": "Name"}, "Set"),
        ("SharingRules", "sharingCriteriaRules", {"fullName": "Share", "accessLevel": "Read"}, "Share"),
        ("CustomObject", "fields", {"fullName": "A__c", "label": "A"}, "A__c"),
        ("RecordType", "picklistValues", {"picklist": "Status", "x": "1"}, "Status"),
        ("GlobalValueSet", "customValue", {"fullName": "One", "default": "false"}, "One"),
        ("FlexiPage", "flexiPageRegions", {"name": "main", "type": "Region"}, "main"),
        ("Anything", "neverSeenBefore", {"fullName": "Known", "setting": "1"}, "Known"),
    ],
)
def test_each_type_is_keyed_by_what_identifies_it(root: str, tag: str, leaves: dict[str, str], key: str) -> None:
    units = metadata(child(tag, **leaves), root)
    assert units.form is Form.METADATA
    assert found(units) == {f"{root}/{tag}[{key}]/{name}": text for name, text in leaves.items()}


def test_members_of_a_package_are_single_units() -> None:
    body = "<types><members>A</members><members>B</members><name>ApexClass</name></types><version>60.0</version>"
    units = metadata(body, "Package")
    assert units.counts[element("Package", "types[ApexClass]", "members", value="A")] == 1
    assert units.counts[element("Package", "types[ApexClass]", "members", value="B")] == 1
    assert units.counts[element("Package", "version", value="60.0")] == 1


def test_an_edit_touches_only_its_own_unit() -> None:
    before = metadata(
        child("fieldPermissions", editable="true", field="A") + child("fieldPermissions", editable="true", field="B")
    )
    after = metadata(
        child("fieldPermissions", editable="true", field="A") + child("fieldPermissions", editable="false", field="B")
    )
    assert after.counts - before.counts == {element("Profile", "fieldPermissions[B]", "editable", value="false"): 1}


def test_siblings_of_one_key_do_not_change_the_keys_of_others() -> None:
    one = metadata(child("filters", field="A", operator="EqualTo", value="1"), "Flow")
    two = metadata(child("filters", field="A", operator="EqualTo", value="1") * 2, "Flow")
    assert one.counts.keys() == two.counts.keys()
    assert one.counts < two.counts


def test_attributes_and_empty_elements_are_units() -> None:
    body = '<value xsi:type="xsd:string">x</value><description/>'
    units = metadata(body, "CustomMetadata", ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"')
    assert found(units) == {
        "CustomMetadata/value/@type": "xsd:string",
        "CustomMetadata/value": "x",
        "CustomMetadata/description": "",
    }


def test_properties_are_keyed_by_their_attribute() -> None:
    units = metadata(
        '<property name="title" type="String"/><property name="size" type="Integer"/>', "LightningComponentBundle"
    )
    assert found(units)["LightningComponentBundle/property[title]/@type"] == "String"
    assert found(units)["LightningComponentBundle/property[size]/@type"] == "Integer"


def test_comments_do_not_matter() -> None:
    assert metadata("<label>A</label>").counts == metadata("<!-- why -->\n<label>A</label>").counts


TREE: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(["true", "false", "x y", "Account.Name", "é & <"]),
    lambda inner: st.lists(
        st.tuples(st.sampled_from(["name", "field", "fields", "labels", "editable", "rules", "other"]), inner),
        max_size=5,
    ),
    max_leaves=25,
)


def render(tree: Any, rng: random.Random | None) -> str:
    """The children of a tree as XML; with a generator of chance in another order, layout and order of attributes."""
    if isinstance(tree, str):
        return tree.replace("&", "&amp;").replace("<", "&lt;")
    tree = [(tag, inner) for tag, inner in tree]
    attributes = ['a="1"', 'b="2"']
    if rng:
        rng.shuffle(tree)
        rng.shuffle(attributes)
    gap = "\n" + " " * rng.randrange(9) if rng else ""
    return "".join(f"{gap}<{tag} {' '.join(attributes)}>{render(inner, rng)}</{tag}>" for tag, inner in tree) + (
        gap if tree else ""
    )


def unambiguous(tree: Any) -> bool:
    """Whether no element has several children that could be its key: which is its name then depends on their order."""
    if isinstance(tree, str):
        return True
    keys = [tag for tag, inner in tree if isinstance(inner, str) and tag in ("name", "field")]
    return len(set(keys)) == len(keys) and all(unambiguous(inner) for _, inner in tree)


@given(
    tree=st.lists(st.tuples(st.sampled_from(["fields", "labels", "rules"]), TREE), max_size=5).filter(unambiguous),
    rng=st.randoms(),
)
def test_order_indentation_and_attribute_order_do_not_matter(tree: Any, rng: random.Random) -> None:
    plain, shuffled = metadata(render(tree, None)), metadata(render(tree, rng))
    assert plain.form is shuffled.form is Form.METADATA
    assert plain.counts == shuffled.counts


@given(trees=st.lists(st.tuples(st.sampled_from(["fields", "labels", "rules"]), TREE), min_size=2, max_size=6))
def test_elements_are_read_independently_of_their_siblings(trees: Any) -> None:
    whole = metadata(render(trees, None)).counts
    parts = [metadata(render([tree], None)).counts for tree in trees]
    total = sum(parts[1:], parts[0])
    assert {unit: count for unit, count in total.items() if unit.kind == "element"} == {
        unit: count for unit, count in whole.items() if unit.kind == "element"
    }


BOMB = '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "aaaaaaaaaa">' + "".join(
    f'<!ENTITY a{n} "{f"&a{n - 1 if n > 1 else str()};" * 10}">' for n in range(1, 12)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB + ']><Profile xmlns="http://soap.sforce.com/2006/04/metadata"><label>&a11;</label></Profile>',
        '<!DOCTYPE P SYSTEM "http://localhost:1/x.dtd"><P xmlns="http://soap.sforce.com/2006/04/metadata"><label>abc</label></P>',
        '<!DOCTYPE P [<!ENTITY e SYSTEM "file:///etc/passwd">]><P xmlns="http://soap.sforce.com/2006/04/metadata">&e;</P>',
    ],
)
def test_document_types_are_not_read(text: str) -> None:
    units = read("a.xml", text)
    assert units.form is Form.LINES
    assert "document type" in units.reason
    assert not any("root:" in unit.value for unit in units.counts)


def test_a_bomb_in_utf_16_is_not_read_either() -> None:
    from branchsim.effects import units_of

    text = BOMB + ']><Profile xmlns="http://soap.sforce.com/2006/04/metadata"><label>&a11;</label></Profile>'
    assert units_of(b"a.xml", text.replace('<?xml version="1.0"?>', "").encode("utf-16")).form is Form.LINES


def test_malformed_metadata_is_read_as_lines_with_a_reason() -> None:
    units = read("a.xml", ROOT.format("Profile", "<label>abc</labe>", ""))
    assert units.form is Form.LINES
    assert "not valid XML" in units.reason


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("src/objects/Account.object", "CustomObject"),
        ("src/profiles/Admin.profile", "Profile"),
        ("src/translations/fr.translation", "Translations"),
        ("src/permissionsets/Sales.permissionset", "PermissionSet"),
        ("src/labels/CustomLabels.labels", "CustomLabels"),
        ("src/layouts/Account-Layout.layout", "Layout"),
        ("src/workflows/Account.workflow", "Workflow"),
    ],
)
def test_metadata_format_has_no_xml_in_its_names(path: str, root: str) -> None:
    parts = [f"<parts><fullName>P{number}</fullName><value>{number}</value></parts>\n" for number in range(3)]
    one, other = (
        read(path, f'<{root} xmlns="http://soap.sforce.com/2006/04/metadata">\n{"".join(order)}</{root}>\n')
        for order in (parts, parts[::-1])
    )
    assert one.form is Form.METADATA
    assert one.counts == other.counts


@pytest.mark.parametrize("path", ["a.flow", "lib/it.app", "my.profile", "x.report"])
def test_what_only_has_such_a_name_stays_lines_without_a_complaint(path: str) -> None:
    units = read(path, '{application, it,\n [{vsn, "1"}]}.\n' * 150_000)
    assert units.form is Form.LINES
    assert not units.reason


def test_other_xml_stays_lines_without_a_complaint() -> None:
    units = read("pom.xml", "<project>\n<version>1.2</version>\n</project>\n")
    assert units.form is Form.LINES
    assert not units.reason


@pytest.mark.parametrize(
    ("body", "pieces"),
    [
        ("    <a>1</a>\n    <b>\n        <c/>\n    </b>\n    <a>1</a>", 3),
        ("    <a/>\n    <!-- <b/> -->\n    <c/>", 2),
        ("    <a><![CDATA[\n<b/>]]></a>", 1),
        # Further elements that are indented otherwise.
        ("    <a/><b/>", 1),
        ("    <a/>\n  <b/>\n        <a/>\n    <b/>\n\t<c/>", 2),
        # Elements within one that are indented like it.
        ("    <a>\n    <b/>\n    </a>\n    <a/>\n    <c/>", 2),
        # Text, and what is open where another one seems to begin.
        ("    <a/>\n    <b/> loose", None),
        ("    <a>\n    <b/>\n    </a>", 1),
        ("    <a>\n    <a/>\n    </a>", None),
        ("    <a><![CDATA[\n    <a/>\n    ]]></a>", None),
        ("    <a><!--\n    <a/>\n    --></a>", None),
        ("    <a><![CDATA[\n    <b/>\n    ]]></a>", 1),
        ("    <a>\n    <b/></a>\n    <c/><d/>", 1),
        ("    <a/>\n    <b>\n  <c/>\n    </b>\n  </a>", None),
        ("    <a>\n    <b/>", None),
        # So many attributes are not read.
        (f"    <a{_many(1000)}/>", 1),
        (f"    <a{_many(1001)}/>", None),
    ],
)
def test_what_begins_on_lines_of_its_own_is_read_alike_piece_by_piece(body: str, pieces: int | None) -> None:
    content = ROOT.format("Profile", f"\n{body}\n", "").encode()
    for _ in range(2):
        found = laid_out(content, Limits())
        assert (None if found is None else len(found.blocks)) == pieces
        assert units_of(b"a.xml", content, parts={}) == units_of(b"a.xml", content)
