"""What an audit and its workers tell each other, as MessagePack: the history once, then parts of a job's rounds."""

import msgspec

from ledger.audit.context import ShownBlock
from ledger.audit.found import Found
from ledger.config import HomeNetwork
from ledger.events.records import AnyEvent


class Setup(msgspec.Struct, frozen=True):
    """What a worker begins with. `home` is the folder of the party that audits, empty for a visitor."""

    network: HomeNetwork
    home: str
    events: list[AnyEvent]
    threads: int


class RoundsPart(msgspec.Struct, frozen=True):
    """Rounds of a job, its document, and the chain's blocks that they need, as far as that is known before."""

    job: int
    document: bytes
    numbers: tuple[int, ...]
    signed_to: int
    scorable: bool
    blocks: dict[int, ShownBlock | None]


class RoundFindings(msgspec.Struct, frozen=True):
    """What was found of a round, None where that is to be done by the audit itself; `read` counts its bytes."""

    found: Found | None
    read: int


def encode(message: Setup | RoundsPart | list[RoundFindings]) -> bytes:
    """A message's bytes."""
    return msgspec.msgpack.encode(message)


def parse_setup(data: bytes) -> Setup:
    """Raises msgspec.DecodeError where it is none."""
    return msgspec.msgpack.decode(data, type=Setup)


def parse_part(data: bytes) -> RoundsPart:
    """Raises msgspec.DecodeError where it is none."""
    return msgspec.msgpack.decode(data, type=RoundsPart)


def parse_findings(data: bytes) -> list[RoundFindings]:
    """Raises msgspec.DecodeError where it is none."""
    return msgspec.msgpack.decode(data, type=list[RoundFindings])
