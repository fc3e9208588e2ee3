"""The metadata of a Salesforce project in its real shapes: how files begin, and the edits that people make to them."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from branchsim.sample.blocks import blocks, changed, joined

ROOT = "force-app/main/default"
NAMESPACE = "http://soap.sforce.com/2006/04/metadata"

ENTITIES = (
    "Account", "Opportunity", "Contract", "Case", "Lead", "Quote", "Order__c", "Invoice__c", "Payment__c",
    "Shipment__c", "Subscription__c", "Warranty__c",
)  # fmt: skip
METHODS = (
    "creditBound", "discountRate", "renewalScore", "riskLevel", "priorityOf", "reminderDelay", "approvalStep",
    "escalation", "roundedTotal", "openBalance",
)  # fmt: skip
"""Of every service class: the first seven are changed by features, the others by hotfixes."""

FEATURE_METHODS = METHODS[:7]
DECISIONS = ("Check_Amount", "Check_Region", "Check_Owner", "Check_Status", "Check_Date")
"""Of every flow: the first three are changed by features."""

FEATURE_DECISIONS = DECISIONS[:3]
PERMISSION_SETS = ("Sales_User", "Service_Agent", "Billing_Admin")
PROFILES = ("Admin", "Standard", "Partner")
LEGACY = ("LegacyImport", "LegacySync")
STEADY = ("Billing_Admin", "Partner")
"""What features leave alone, so that tools can put it in order."""

_FIELDS = (
    "Amount__c",
    "Region__c",
    "Status__c",
    "Owner_Team__c",
    "Due_Date__c",
    "Channel__c",
    "Currency__c",
    "Score__c",
)


def title(entity: str) -> str:
    """An object as people call it."""
    return entity.removesuffix("__c")


# Paths.


def service(entity: str) -> str:
    """The path of an object's service class."""
    return f"{ROOT}/classes/{title(entity)}Service.cls"


def legacy(name: str) -> str:
    """The path of a class that is on its way out."""
    return f"{ROOT}/classes/{name}.cls"


def flow(entity: str) -> str:
    """The path of an object's flow."""
    return f"{ROOT}/flows/{title(entity)}_After_Save.flow-meta.xml"


def layout(entity: str) -> str:
    """The path of an object's layout."""
    return f"{ROOT}/layouts/{entity}-{title(entity)} Layout.layout-meta.xml"


def permission_set(name: str) -> str:
    """The path of a permission set."""
    return f"{ROOT}/permissionsets/{name}.permissionset-meta.xml"


def profile(name: str) -> str:
    """The path of a profile."""
    return f"{ROOT}/profiles/{name}.profile-meta.xml"


PROJECT = "sfdx-project.json"


# How files begin.


def start() -> dict[str, str]:
    """Every file of the project on its first day."""
    files = {PROJECT: _project("25.1.0")}
    for index, entity in enumerate(ENTITIES):
        files[service(entity)] = apex_class(f"{title(entity)}Service", entity, 1000 + 100 * index)
        files[service(entity) + "-meta.xml"] = _class_meta()
        files[flow(entity)] = _flow(entity, index)
        files[layout(entity)] = _layout(entity)
    for index, name in enumerate(LEGACY):
        files[legacy(name)] = apex_class(name, "Account", 7000 + 100 * index)
        files[legacy(name) + "-meta.xml"] = _class_meta()
    for name in PERMISSION_SETS:
        files[permission_set(name)] = _permission_set(name)
    for name in PROFILES:
        files[profile(name)] = _profile(name)
    return files


def apex_class(name: str, entity: str, number: int) -> str:
    """A class with one method for each of `METHODS`."""
    methods = "\n".join(method(name, entity, each, number + place) for place, each in enumerate(METHODS))
    return (
        f"/**\n * @description What the business decides for {title(entity)}.\n */\n"
        f"public with sharing class {name} {{\n"
        f"    private static final String OBJECT_NAME = '{entity}';\n\n{methods}}}\n"
    )


def method(owner: str, entity: str, name: str, number: int) -> str:
    """A method of a class."""
    return (
        f"    public static Decimal {name}({entity} record) {{\n"
        f"        Decimal bound = {number};\n"
        f"        if (record.{name.capitalize()}__c > bound) {{\n"
        f"            Log.info('{owner}.{name}', record.Id);\n"
        f"            return bound;\n"
        f"        }}\n"
        f"        return record.{name.capitalize()}__c;\n"
        f"    }}\n"
    )


def _project(version: str) -> str:
    return (
        '{\n  "packageDirectories": [\n    {\n      "path": "force-app",\n      "default": true,\n'
        f'      "versionNumber": "{version}.NEXT"\n    }}\n  ],\n  "name": "acme-crm",\n  "namespace": "",\n'
        '  "sfdcLoginUrl": "https://login.salesforce.com",\n  "sourceApiVersion": "62.0"\n}\n'
    )


def _xml(root: str, body: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{root} xmlns="{NAMESPACE}">\n{body}</{root}>\n'


def _class_meta() -> str:
    return _xml("ApexClass", "    <apiVersion>62.0</apiVersion>\n    <status>Active</status>\n")


def _element(tag: str, *children: tuple[str, str], indent: int = 4) -> str:
    space = " " * indent
    inner = "".join(f"{space}    <{name}>{escape(text)}</{name}>\n" for name, text in children)
    return f"{space}<{tag}>\n{inner}{space}</{tag}>\n"


def field_permission(field: str, *, editable: bool = True) -> str:
    """Access to a field, as permission sets and profiles have it."""
    access = "true" if editable else "false"
    return _element("fieldPermissions", ("editable", access), ("field", field), ("readable", "true"))


def layout_item(field: str, behavior: str = "Edit") -> str:
    """A field of a layout."""
    return _element("layoutItems", ("behavior", behavior), ("field", field), indent=12)


def _object_permission(entity: str) -> str:
    return _element(
        "objectPermissions",
        ("allowCreate", "true"),
        ("allowDelete", "false"),
        ("allowEdit", "true"),
        ("allowRead", "true"),
        ("modifyAllRecords", "false"),
        ("object", entity),
        ("viewAllRecords", "false"),
    )


def _field_permissions(offset: int) -> str:
    pairs = [f"{entity}.{field}" for entity in ENTITIES for field in _FIELDS[:4]]
    # As a tool that writes in the order of its hash tables leaves them: not sorted.
    return "".join(field_permission(pairs[(7 * place + offset) % len(pairs)]) for place in range(len(pairs)))


def _permission_set(name: str) -> str:
    visible = "    <applicationVisibilities>\n        <application>Acme</application>\n"
    visible += "        <visible>true</visible>\n    </applicationVisibilities>\n"
    classes = "".join(
        _element("classAccesses", ("apexClass", f"{title(e)}Service"), ("enabled", "true")) for e in ENTITIES
    )
    label = f"    <hasActivationRequired>false</hasActivationRequired>\n    <label>{name.replace('_', ' ')}</label>\n"
    objects = "".join(_object_permission(entity) for entity in ENTITIES)
    return _xml("PermissionSet", visible + classes + _field_permissions(len(name)) + label + objects)


def _profile(name: str) -> str:
    classes = "".join(
        _element("classAccesses", ("apexClass", f"{title(e)}Service"), ("enabled", "true")) for e in ENTITIES
    )
    layouts = "".join(_element("layoutAssignments", ("layout", f"{e}-{title(e)} Layout")) for e in ENTITIES)
    objects = "".join(_object_permission(entity) for entity in ENTITIES[:6])
    tabs = "".join(_element("tabVisibilities", ("tab", e), ("visibility", "DefaultOn")) for e in ENTITIES[6:])
    body = classes + "    <custom>false</custom>\n" + _field_permissions(len(name) + 3) + layouts + objects + tabs
    return _xml("Profile", body + "    <userLicense>Salesforce</userLicense>\n")


def _layout(entity: str) -> str:
    def section(label: str, fields: tuple[str, ...]) -> str:
        half = len(fields) // 2
        columns = "".join(
            f"        <layoutColumns>\n{''.join(layout_item(f) for f in part)}        </layoutColumns>\n"
            for part in (fields[:half], fields[half:])
        )
        return (
            "    <layoutSections>\n        <customLabel>true</customLabel>\n"
            "        <detailHeading>true</detailHeading>\n"
            f"        <editHeading>true</editHeading>\n        <label>{label}</label>\n{columns}"
            "        <style>TwoColumnsTopToBottom</style>\n    </layoutSections>\n"
        )

    body = section(f"{title(entity)} Information", ("Name", *_FIELDS)) + section(
        "System Information", ("CreatedById", "LastModifiedById")
    )
    tail = "    <showEmailCheckbox>false</showEmailCheckbox>\n    <showHighlightsPanel>true</showHighlightsPanel>\n"
    return _xml("Layout", body + tail)


def _decision(name: str, number: int, following: str) -> str:
    return (
        f"    <decisions>\n        <name>{name}</name>\n        <label>{name.replace('_', ' ')}</label>\n"
        "        <locationX>0</locationX>\n        <locationY>0</locationY>\n"
        f"        <defaultConnector>\n            <targetReference>{following}</targetReference>\n"
        "        </defaultConnector>\n        <defaultConnectorLabel>Otherwise</defaultConnectorLabel>\n"
        f"        <rules>\n            <name>{name}_Rule</name>\n            <conditionLogic>and</conditionLogic>\n"
        f"{_condition(f'$Record.{name}__c', number)}"
        f"            <label>{name.replace('_', ' ')} holds</label>\n        </rules>\n    </decisions>\n"
    )


def _condition(reference: str, number: int) -> str:
    return (
        f"            <conditions>\n                <leftValueReference>{reference}</leftValueReference>\n"
        "                <operator>GreaterThan</operator>\n                <rightValue>\n"
        f"                    <numberValue>{number}.0</numberValue>\n                </rightValue>\n"
        "            </conditions>\n"
    )


def _flow(entity: str, index: int) -> str:
    name = f"{title(entity)}_After_Save"
    following = (*DECISIONS[1:], f"Update_{title(entity)}")
    decisions = "".join(
        _decision(each, 100 * index + place, then)
        for place, (each, then) in enumerate(zip(DECISIONS, following, strict=True), 1)
    )
    head = "    <apiVersion>62.0</apiVersion>\n"
    meta = "".join(
        f"    <processMetadataValues>\n        <name>{key}</name>\n        <value>\n"
        f"            <stringValue>{value}</stringValue>\n        </value>\n    </processMetadataValues>\n"
        for key, value in (("BuilderType", "LightningFlowBuilder"), ("CanvasMode", "AUTO_LAYOUT_CANVAS"))
    )
    update = (
        f"    <recordUpdates>\n        <name>Update_{title(entity)}</name>\n"
        f"        <label>Update {title(entity)}</label>\n"
        "        <locationX>0</locationX>\n        <locationY>0</locationY>\n        <inputAssignments>\n"
        "            <field>Checked__c</field>\n            <value>\n"
        "                <booleanValue>true</booleanValue>\n"
        "            </value>\n        </inputAssignments>\n        <inputReference>$Record</inputReference>\n"
        "    </recordUpdates>\n"
    )
    begin = (
        "    <start>\n        <locationX>0</locationX>\n        <locationY>0</locationY>\n        <connector>\n"
        f"            <targetReference>{DECISIONS[0]}</targetReference>\n        </connector>\n"
        f"        <object>{entity}</object>\n        <recordTriggerType>CreateAndUpdate</recordTriggerType>\n"
        "        <triggerType>RecordAfterSave</triggerType>\n    </start>\n    <status>Active</status>\n"
    )
    label = (
        "    <environments>Default</environments>\n"
        f"    <interviewLabel>{name} {{!$Flow.CurrentDateTime}}</interviewLabel>\n"
        f"    <label>{name.replace('_', ' ')}</label>\n"
    )
    kind = "    <processType>AutoLaunchedFlow</processType>\n"
    return _xml("Flow", head + decisions + label + meta + kind + update + begin)


# What people do to them.


def set_bound(text: str, name: str, number: int) -> str:
    """Another number in a method."""
    return changed(text, name, lambda block: re.sub(r"bound = \d+", f"bound = {number}", block))


def add_log(text: str, name: str, number: int) -> str:
    """One more statement in a method."""
    line = f"            Metrics.count('{name}-{number}');\n"
    return changed(
        text, name, lambda block: block.replace("            return bound;\n", f"{line}            return bound;\n")
    )


def add_method(text: str, owner: str, entity: str, name: str, number: int) -> str:
    """One more method, at the end of a class."""
    return text.removesuffix("}\n") + "\n" + method(owner, entity, name, number) + "}\n"


def add_guard(text: str, name: str, ticket: str, reason: str, field: str) -> str:
    """A check at the start of a method: how hotfixes in classes look."""
    guard = (
        f"        // {ticket}: {reason}\n"
        f"        if (record.{field} == null) {{\n"
        f"            Log.warn('{ticket}', record.Id);\n"
        f"            return 0;\n"
        f"        }}\n"
    )
    return changed(text, name, lambda block: block.replace("{\n", "{\n" + guard, 1))


def set_number(text: str, name: str, number: int) -> str:
    """Another number in a decision of a flow."""
    pattern = r"<numberValue>[\d.]+<"
    return changed(text, name, lambda block: re.sub(pattern, f"<numberValue>{number}.0<", block, count=1))


def add_condition(text: str, name: str, field: str, number: int) -> str:
    """One more condition in a decision of a flow: how hotfixes in flows look."""
    label = "            <label>"
    added = _condition(f"$Record.{field}", number)
    head, _, tail = _split(text, name).rpartition(label)
    return changed(text, name, lambda _: f"{head}{added}{label}{tail}")


def _split(text: str, name: str) -> str:
    return next(block for key, block in blocks(text) if key[1] == name and key[0] != "line")


def add_permission(text: str, field: str, place: int) -> str:
    """Access to one more field, somewhere among the others."""
    return _inserted(text, "fieldPermissions", field_permission(field), place)


def add_layout_item(text: str, field: str, place: int) -> str:
    """One more field on a layout."""
    return _inserted(text, "layoutItems", layout_item(field), place)


def _inserted(text: str, kind: str, block: str, place: int) -> str:
    parts = blocks(text)
    places = [index for index, (key, _) in enumerate(parts) if key[0] == kind]
    at = places[place % len(places)] + 1
    return joined([*parts[:at], ((kind, "", 0), block), *parts[at:]])


def sort_elements(text: str) -> str:
    """Access to fields in the order of their names, as another tool writes it."""
    parts = blocks(text)
    places = [index for index, (key, _) in enumerate(parts) if key[0] == "fieldPermissions"]
    in_order = sorted((parts[index] for index in places), key=lambda part: part[0])
    for index, part in zip(places, in_order, strict=True):
        parts[index] = part
    return joined(parts)


def move_method(text: str, name: str) -> str:
    """A method at the end of its class, as it is."""
    block = _split(text, name)
    rest = changed(text, name, lambda _: "").replace("\n\n\n", "\n\n")
    return rest.removesuffix("}\n") + "\n" + block + "}\n"


def set_version(text: str, version: str) -> str:
    """Another version of the project."""
    return re.sub(r'"versionNumber": "[\d.]+\.NEXT"', f'"versionNumber": "{version}.NEXT"', text)


def set_api(text: str, version: str) -> str:
    """Another version of the platform, in a project, a class or a flow."""
    text = re.sub(r'"sourceApiVersion": "[\d.]+"', f'"sourceApiVersion": "{version}"', text)
    return re.sub(r"<apiVersion>[\d.]+<", f"<apiVersion>{version}<", text)
