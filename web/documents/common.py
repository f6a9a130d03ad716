"""What all documents of the pages are made of."""

from typing import Literal

import msgspec

NamedBy = Literal["release", "revoked", "proposal"]
"""Who stands by a report: members, who released a model with it; nobody any more, as they revoked it; its proposer."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A value that never changes."""


class ChainDocument(Document, frozen=True):
    """The reading that a response was made from; `up` is false, with `trouble`, while the chain cannot be read."""

    id: int
    block: int
    read_at: int
    up: bool
    trouble: str


class PartyDocument(Document, frozen=True):
    """A member as it signed something: the name is the network file's, the key what counts."""

    index: int
    name: str
    key: str


class Dated(Document, frozen=True):
    """Something that came about in block `block`, at `time` in seconds since 1970, null until the header was read.

    `time_proved`: the block's hash covers its time; else it is the node's word. `time_ahead`: it lay in the future when
    the chain was read.
    """

    block: int
    time: int | None
    time_proved: bool
    time_ahead: bool


class Page(Document, frozen=True, tag_field="fedledger", tag="page/1"):
    """What every document has: its format, and the reading that it was made from."""

    chain: ChainDocument


class Problem(Document, frozen=True, tag_field="fedledger", tag="error/1"):
    """Every error, in the form of RFC 9457: `error` is its name and `advice` the way out; `instance` is the address
    that was asked for."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    error: str
    advice: str
    facts: dict[str, str] = msgspec.field(default_factory=dict)
