"""Reading other people's YAML, JSON and XML, as the hostile input it may be.

Every failure is one `TopologyError` that names the file; nothing in a file constructs an object, opens another file or
the network, or grows beyond what the file itself holds.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from branchsim.errors import TopologyError
from branchsim.safe_xml import UnsafeXmlError, parse_xml

if TYPE_CHECKING:
    import yaml

MAX_YAML_BYTES = 200_000
"""More than any configuration a person keeps; bounds the time the reader takes."""
MAX_YAML_NODES = 50_000
"""The values of a document with every alias written out."""
MAX_YAML_DEPTH = 50
MAX_XML_BYTES = 5_000_000


def _decoded(data: bytes, origin: str, most: int) -> str:
    if len(data) > most:
        raise TopologyError(f"{origin}: the file has {len(data):,} bytes, more than the {most:,} allowed")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TopologyError(f"{origin}: line {line} is not UTF-8; save the file as UTF-8") from None


def yaml_mapping(data: bytes, origin: str) -> dict[str, Any] | None:
    """A YAML document that is a mapping; ``None`` where the file is empty.

    Raises
    ------
    TopologyError
        Too large, not UTF-8, not YAML (line and column), several documents, not a mapping, a tag that would construct
        an object, aliases that blow up or run in a circle, nested too deeply.
    """
    import yaml

    text = _decoded(data, origin, MAX_YAML_BYTES)
    loader: yaml.SafeLoader | None = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node, origin)
        value = loader.construct_document(node)
    except yaml.YAMLError as error:
        raise TopologyError(f"{origin}: {_yaml_problem(error)}") from None
    except RecursionError:
        raise TopologyError(f"{origin}: the YAML is nested too deeply") from None
    except (ValueError, TypeError, OverflowError, AttributeError) as error:
        raise TopologyError(f"{origin}: a value is not usable: {error}") from None
    finally:
        if loader is not None:
            loader.dispose()
    if value is None:
        return None
    if not isinstance(value, dict):
        raise TopologyError(f"{origin}: expected keys and values, found {type(value).__name__}")
    return {str(key): item for key, item in value.items()}


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f" (at line {mark.line + 1}, column {mark.column + 1})" if mark is not None else ""
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
    if problem.startswith("but "):
        problem = f"{getattr(error, 'context', '')}, {problem}"
    if "could not determine a constructor" in problem:
        return f"a tag that would construct an object is refused: {problem.rpartition('tag ')[2]}{where}"
    return f"not valid YAML: {problem}{where}"


def _check_keys(node: yaml.MappingNode, origin: str) -> None:
    """Refuse a key that is given twice, as sfdx-hardis does: which of the two is meant is anybody's guess."""
    seen: set[str] = set()
    for key, _ in node.value:
        name = key.value
        if isinstance(name, str) and name in seen and name != "<<":
            mark = key.start_mark
            raise TopologyError(
                f"{origin}: the key {name!r} is given twice (at line {mark.line + 1}, column {mark.column + 1}); "
                "remove one of the two"
            )
        if isinstance(name, str):
            seen.add(name)


def _check(root: yaml.Node, origin: str) -> None:
    """Refuse a document whose aliases, written out, would be huge or endless."""
    import yaml

    # Sizes with every alias written out, from the leaves up, without recursion; each node is visited once.
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()
    stack: list[tuple[yaml.Node, bool, int]] = [(root, False, 1)]
    while stack:
        node, leaving, depth = stack.pop()
        key = id(node)
        if isinstance(node, yaml.MappingNode):
            _check_keys(node, origin)
            children = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            children = list(node.value)
        else:
            children = []
        if leaving:
            open_nodes.discard(key)
            sizes[key] = 1 + sum(sizes[id(child)] for child in children)
            if sizes[key] > MAX_YAML_NODES:
                raise TopologyError(
                    f"{origin}: with its aliases written out the YAML holds more than {MAX_YAML_NODES:,} values; "
                    "such a file is refused"
                )
            continue
        if key in open_nodes:
            raise TopologyError(f"{origin}: a YAML alias refers to the value it stands in; such a file is refused")
        if key in sizes:
            continue
        if depth > MAX_YAML_DEPTH:
            raise TopologyError(f"{origin}: the YAML is nested too deeply (more than {MAX_YAML_DEPTH} levels)")
        open_nodes.add(key)
        stack.append((node, True, depth))
        stack.extend((child, False, depth + 1) for child in children)


def json_mapping(data: bytes, origin: str) -> dict[str, Any]:
    """A JSON document that is an object.

    Raises
    ------
    TopologyError
        Too large, not UTF-8, not JSON, or not an object.
    """
    text = _decoded(data, origin, MAX_XML_BYTES)
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise TopologyError(
            f"{origin}: not valid JSON: {error.msg} (at line {error.lineno}, column {error.colno})"
        ) from None
    except (RecursionError, ValueError):
        raise TopologyError(f"{origin}: the JSON is nested too deeply or holds a number that is too long") from None
    if not isinstance(value, dict):
        raise TopologyError(f"{origin}: expected an object, found {type(value).__name__}")
    return value


def manifest_types(data: bytes, origin: str) -> dict[str, set[str]]:
    """The types and members of a Salesforce manifest (``package.xml``).

    Raises
    ------
    TopologyError
        Too large, not XML, with a DOCTYPE (which may hold entities), nested too deeply, or not a manifest.
    """
    from lxml import etree

    if len(data) > MAX_XML_BYTES:
        raise TopologyError(f"{origin}: the file has {len(data):,} bytes, more than the {MAX_XML_BYTES:,} allowed")
    try:
        root = parse_xml(data)
    except UnsafeXmlError as error:
        raise TopologyError(f"{origin}: {error}") from None
    if etree.QName(root).localname != "Package":
        raise TopologyError(f"{origin}: is no manifest: the root is {etree.QName(root).localname!r}, not 'Package'")
    found: dict[str, set[str]] = {}
    for group in root.iterchildren("{*}types"):
        names = [(child.text or "").strip() for child in group.iterchildren("{*}name")]
        members = {(child.text or "").strip() for child in group.iterchildren("{*}members")} - {""}
        if len(names) != 1 or not names[0]:
            raise TopologyError(f"{origin}: line {group.sourceline}: a <types> needs exactly one <name>")
        found.setdefault(names[0], set()).update(members)
    return {kind: members for kind, members in found.items() if members}
