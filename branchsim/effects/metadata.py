"""Salesforce metadata as keyed elements: order, indentation and the order of attributes do not matter.

Any file in the metadata namespace is read, in metadata and in source format (an object as one file or decomposed).
Other XML (a Maven project, a page) stays lines: in it the order may matter.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from branchsim.effects.metadata_keys import ATTRIBUTES, EVERYWHERE, KEYS, UNKEYED
from branchsim.effects.structured import Elements, NotReadError
from branchsim.effects.text import Limits, normalise, shorten

if TYPE_CHECKING:
    from lxml import etree

_NAMESPACE = "soap.sforce.com"
_ROOT = re.compile(r"<(?![?!])")
_SNIFFED = 8192


def metadata_elements(content: bytes, text: str, limits: Limits) -> Elements:
    """The elements of a metadata file.

    Parameters
    ----------
    content : bytes
        The file.
    text : str
        The same, decoded.
    limits : Limits
        Depth, number of elements, length of values.

    Returns
    -------
    Counter of (tuple of str, str)
        How often each ``(key, value)`` occurs: a key names the element from the root down, an attribute's starts with
        ``@``.

    Raises
    ------
    NotReadError
        It is not metadata, malformed, has a document type (which is what XML bombs need), is too deep or too large.
    """
    if _NAMESPACE not in text[:_SNIFFED]:
        raise NotReadError("")  # nothing is wrong with it
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise NotReadError("XML with a document type, which is not read because entities can be bombs")
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        recover=False,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise NotReadError(f"not valid XML ({normalise(str(error))[:160]})") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise NotReadError("XML with a document type, which is not read because entities can be bombs")
    return _collect(root, limits)


def _collect(root: etree._Element, limits: Limits) -> Elements:
    found: Elements = Counter()
    left = limits.elements
    stack: list[tuple[etree._Element, tuple[str, ...]]] = [(root, (_local(root.tag),))]
    while stack:
        element, key = stack.pop()
        left -= 1
        if left < 0:
            raise NotReadError(f"more than {limits.elements} elements")
        if len(key) > limits.depth:
            raise NotReadError(f"XML nested deeper than {limits.depth}")
        for name, value in element.attrib.items():
            found[(*key, f"@{_local(name)}"), shorten(normalise(str(value)), limits)] += 1
        children = list(element)
        if not children:
            found[key, shorten(" ".join((element.text or "").split()), limits)] += 1
            continue
        # Mixed content is rare in metadata (rich text is escaped); what there is of it must not vanish.
        loose = normalise(" ".join([element.text or "", *(child.tail or "" for child in children)]))
        if loose:
            found[(*key, "text()"), shorten(loose, limits)] += 1
        for child in children:
            tag = _local(child.tag)
            name = _identity(tag, child, limits) if len(child) or child.attrib else ""
            stack.append((child, (*key, f"{tag}[{name}]" if name else tag)))
    return found


def _local(tag: object) -> str:
    """A name without its namespace."""
    return str(tag).rpartition("}")[2]


def _identity(tag: str, element: etree._Element, limits: Limits) -> str:
    """What identifies an element among its like, from itself alone; empty if nothing does."""
    if tag in UNKEYED:
        return ""
    texts: dict[str, str] = {}
    for child in element:
        if not len(child) and child.text:
            texts.setdefault(_local(child.tag), child.text)
    alternatives = KEYS.get(tag)
    if alternatives is None:
        alternatives = tuple((name,) for name in EVERYWHERE)
    for parts in alternatives:
        if any(part in texts for part in parts):
            return shorten("|".join(normalise(texts.get(part, "")) for part in parts).rstrip("|"), limits)
    for attribute in ATTRIBUTES:
        if found := element.get(attribute):
            return shorten(normalise(found), limits)
    return ""


__all__ = ["metadata_elements"]
