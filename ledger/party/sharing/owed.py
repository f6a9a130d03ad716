"""The files that members owe to each other, by the ledger: opened updates, and receipts that an aggregate, or a member
that opposed one, names.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.events.rounds import Form
from ledger.formats.cid import RAW, Cid, of_file
from ledger.history.state import Round
from ledger.party.pins import opposing_pin, receipts_pin, update_pin
from ledger.rounds.receipts import MAX_SIZE


@dataclass(frozen=True, slots=True)
class Owed:
    """A file of at most `size` bytes of a round that `party` owes, and the pin under which a copy is kept.

    `update` is the index of the member whose update it is: who holds that signs for it. None for receipts.
    """

    job: int
    round: int
    party: str
    file: Cid
    size: int
    pin: str
    update: int | None = None


def updates_in(round_: Round, size: int) -> list[Owed]:
    """The opened updates of a round, each an artifact of `size` bytes."""
    job, number = round_.job, round_.number
    return [
        Owed(job, number, one.party, of_file(one.cid, size), size, update_pin(job, number, one.index), one.index)
        for one in round_.sorted_updates()
    ]


def receipts_in(round_: Round) -> Iterator[Owed]:
    """The receipts that a round's aggregates name, and those of members that opposed one by their own."""
    for made in round_.aggregates:
        pin = receipts_pin(round_.job, round_.number, made.attempt)
        yield _receipts(round_, made.aggregator, made.receipts, pin)
        for said in made.attestations:
            if said.form is Form.OTHER and said.detail != made.receipts:
                own = opposing_pin(round_.job, round_.number, made.attempt, said.index)
                yield _receipts(round_, said.member, said.detail, own)


def _receipts(round_: Round, party: str, digest: bytes, pin: str) -> Owed:
    return Owed(round_.job, round_.number, party, Cid(RAW, digest), MAX_SIZE, pin)
