"""XML that strangers wrote: no entities, no network, no document type, and no unbounded depth."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml import etree


class UnsafeXmlError(Exception):
    """It is not XML, or XML that is not read."""


def parse_xml(data: bytes) -> etree._Element:
    """The root of a document, without its comments and processing instructions.

    Parameters
    ----------
    data : bytes
        The document. libxml2 refuses what nests deeper than 256 elements.

    Raises
    ------
    UnsafeXmlError
        It is not valid XML, or it has a document type, which can hold entities that grow without bound.
    """
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
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        # libxml2 says where; its own limits on depth and entities arrive here too
        raise UnsafeXmlError(f"not valid XML ({getattr(error, 'msg', None) or error})") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise UnsafeXmlError("XML with a document type (DOCTYPE), which is not read because entities can be bombs")
    return root


__all__ = ["UnsafeXmlError", "parse_xml"]
