"""Feeds in Atom (RFC 4287), by the standard library's XML: what comes from elsewhere is text in it, nothing else."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple
from xml.etree import ElementTree

NAMESPACE = "http://www.w3.org/2005/Atom"
LAST_TIME = 253402300799


class AtomEntry(NamedTuple):
    """One entry; `time` in seconds since 1970, None where it was not read; `link` is a path of this server."""

    id: str
    title: str
    time: int | None
    link: str
    kind: str
    content: str


class AtomFeed(NamedTuple):
    """A feed: `origin` is where this server is reached, empty where that is not known; `page` what it is beside."""

    id: str
    title: str
    author: str
    language: str
    origin: str
    path: str
    page: str


def encode_feed(feed: AtomFeed, entries: Iterable[AtomEntry]) -> bytes:
    """The feed's bytes. It was updated when its first entry was, and never by this server's clock."""
    entries = tuple(entries)
    root = ElementTree.Element("feed", {"xmlns": NAMESPACE, "xml:lang": feed.language})
    _add(root, "id", feed.id)
    _add(root, "title", feed.title)
    _add(root, "updated", _stamp(entries[0].time if entries else None))
    _add(_add(root, "author"), "name", feed.author)
    _add(root, "link", rel="self", href=feed.origin + feed.path)
    _add(root, "link", rel="alternate", href=feed.origin + feed.page)
    for one in entries:
        entry = _add(root, "entry")
        _add(entry, "id", one.id)
        _add(entry, "title", one.title)
        _add(entry, "updated", _stamp(one.time))
        _add(entry, "link", href=feed.origin + one.link)
        _add(entry, "category", term=one.kind)
        _add(entry, "content", one.content, type="text")
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def _add(parent: ElementTree.Element, name: str, text: str = "", **attributes: str) -> ElementTree.Element:
    made = ElementTree.SubElement(parent, name, attributes)
    made.text = _printable(text) or None
    return made


def _printable(text: str) -> str:
    """Text that XML has a place for: without control characters."""
    return "".join(one for one in text if one.isprintable())


def _stamp(time: int | None) -> str:
    """A time as Atom has it; the start of 1970 for one that was not read, or that no calendar has."""
    seconds = time if time is not None and 0 <= time <= LAST_TIME else 0
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
