"""What an edge and its clients say to each other besides updates and receipts: canonical JSON, read strictly.

Nothing in them is evidence: an edge signs receipts, a client signs its update, and neither signs these.
"""

import re
from typing import Annotated, Literal

from msgspec import Meta

from ledger.errors import Malformed
from ledger.formats.cid import Cid
from ledger.formats.digest import decode, encode, parse_address
from ledger.formats.edges.children import ChildRecord, check_signature
from ledger.formats.edges.signed import ChildUpdate
from ledger.formats.strict import Strict

UPDATE_HEADER = "Fedledger-Update"
"""The header of a request in which the signed update is named whose bytes are the body."""
MAX_UPDATE = 1 << 11
MAX_TASKS = 1 << 16
"""Bytes of the documents, at most."""
SILENCE = 20.0
"""Seconds in which an edge says something."""
PACE = 1 << 16
"""Bytes a second that a model or an update travels at, at least."""
Number = Annotated[int, Meta(ge=1, le=(1 << 32) - 1)]
LONGEST = 31_536_000
"""Seconds that a round collects, at most (docs/spec/job.md)."""
Index = Annotated[int, Meta(ge=0, le=254)]
_DIGEST = re.compile("[0-9a-f]{64}", re.ASCII)


class TaskBase(Strict, frozen=True):
    """The model that a round builds on: whose round's it is, 0 for the job's initial one, its root and its CID, and the
    root that its own header names, which is empty for an initial model.
    """

    round: Annotated[int, Meta(ge=0)]
    root: str
    cid: str
    builds_on: str


class RoundTask(Strict, frozen=True):
    """A round that collects: the job by number and digest, its base model, the seconds that are left to send an update
    in, and the digest of the edge's member list.
    """

    job: Number
    digest: str
    round: Number
    base: TaskBase
    seconds: Annotated[int, Meta(ge=0, le=LONGEST)]
    members: str


class EdgeTasks(Strict, frozen=True):
    """What an edge has to do for its clients now: who it is, on which ledger, and its rounds. It is `complete` where no
    job of its is to have another round.
    """

    fedledger: Literal["edge-tasks/1"]
    chain: Number
    ledger: str
    edge: Index
    key: str
    complete: bool
    why: str
    tasks: tuple[RoundTask, ...]


class SignedUpdate(Strict, frozen=True):
    """A client's update as it is sent: what EIP-712 signs, where, by whom, and the signature."""

    fedledger: Literal["child-update/1"]
    chain: Number
    ledger: str
    edge: Index
    job: Number
    round: Number
    party: str
    weight: Number
    root: str
    cid: str
    signature: str

    @classmethod
    def of(cls, chain: int, ledger: str, update: ChildUpdate, party: str, signature: bytes) -> "SignedUpdate":
        """What a client sends."""
        return cls(
            fedledger="child-update/1",
            chain=chain,
            ledger=ledger,
            edge=update.edge,
            job=update.job,
            round=update.round,
            party=party,
            weight=update.weight,
            root=update.root.hex(),
            cid=update.cid.hex(),
            signature=signature.hex(),
        )

    @property
    def child(self) -> ChildRecord:
        """The record that a list of children has of it."""
        said = {"root": self.root, "cid": self.cid, "signature": self.signature}
        return ChildRecord(party=self.party, weight=self.weight, **said)

    @property
    def said(self) -> ChildUpdate:
        """What is signed."""
        return self.child.update(self.job, self.round, self.edge)

    def encode(self) -> bytes:
        return encode(self)


def parse_tasks(data: bytes) -> EdgeTasks:
    """Read what an edge says. Raises Malformed."""
    _check_size(data, MAX_TASKS, "the edge's tasks")
    found = decode(data, EdgeTasks, "the edge's tasks")
    for address in (found.ledger, found.key):
        parse_address(address, "the edge's tasks")
    for task in found.tasks:
        _digits(task.digest, "a task's job")
        _digits(task.members, "a task's member list")
        _digits(task.base.root, "a task's base model")
        if task.base.builds_on:
            _digits(task.base.builds_on, "what a task's base model builds on")
        Cid.parse(task.base.cid)
    return found


def parse_update(data: bytes) -> SignedUpdate:
    """Read a client's signed update, its signature checked. Raises Malformed."""
    _check_size(data, MAX_UPDATE, "a signed update")
    found = decode(data, SignedUpdate, "a signed update")
    for address in (found.ledger, found.party):
        parse_address(address, "a signed update")
    check_signature(found.chain, found.ledger, found.said, found.child)
    return found


def _digits(text: str, what: str) -> None:
    if not _DIGEST.fullmatch(text):
        raise Malformed(f"{what} is not 64 hexadecimal digits", actual=text[:80])


def _check_size(data: bytes, most: int, what: str) -> None:
    if len(data) > most:
        raise Malformed(f"{what} is too large", size=len(data), maximum=most)
