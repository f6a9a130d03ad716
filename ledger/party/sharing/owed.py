"""The files that members owe to each other, by the ledger: opened updates, receipts that an aggregate, a proposed set
or a member that opposed an aggregate names, and set-up files.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ledger.errors import Malformed
from ledger.events.rounds import Form
from ledger.formats.cid import RAW, Cid, of_file
from ledger.history.fold import History
from ledger.history.state import Round, Update
from ledger.history.state.masking import JobMasks
from ledger.jobs.document import Job
from ledger.masks.setup import size_of
from ledger.party.pins import opposing_pin, receipts_pin, set_receipts_pin, setup_pin, update_pin
from ledger.rounds.facts import Place
from ledger.rounds.masking.setups import segment_of
from ledger.rounds.receipts import MAX_SIZE, Roll


@dataclass(frozen=True, slots=True)
class Owed:
    """A file of at most `size` bytes of a round that `party` owes, and the pin under which a copy is kept.

    `update` is the index of the member whose update it is: who holds that signs for it. None for other files. A set-up
    file is owed under the number of its segment's first round.
    """

    job: int
    round: int
    party: str
    file: Cid
    size: int
    pin: str
    update: int | None = None


def updates_in(round_: Round, document: Job) -> list[Owed]:
    """The opened updates of a round, each a file of its job."""
    return [_update(round_, one, document) for one in round_.sorted_updates()]


def _update(round_: Round, one: Update, document: Job) -> Owed:
    file, pin = document.file_of(one.index, one.cid), update_pin(round_.job, round_.number, one.index)
    return Owed(round_.job, round_.number, one.party, file, document.size_of(one.index), pin, one.index)


def receipts_in(round_: Round, masks: JobMasks | None = None) -> Iterator[Owed]:
    """The receipts that a round's aggregates and proposed sets name, and those of members that opposed an aggregate."""
    said = masks.rounds.get(round_.number) if masks is not None else None
    for proposal in said.proposals if said is not None else ():
        pin = set_receipts_pin(round_.job, round_.number, proposal.receipts)
        yield _receipts(round_, round_.keys.get(proposal.proposer, ""), proposal.receipts, pin)
    for made in round_.aggregates:
        pin = receipts_pin(round_.job, round_.number, made.attempt)
        yield _receipts(round_, made.aggregator, made.receipts, pin)
        for spoken in made.attestations:
            if spoken.form is Form.OTHER and spoken.detail != made.receipts:
                own = opposing_pin(round_.job, round_.number, made.attempt, spoken.index)
                yield _receipts(round_, spoken.member, spoken.detail, own)


def setups_in(place: Place, history: History, job: int) -> Iterator[Owed]:
    """The set-up files of a masked job's segments that are being set up, or whose rounds may be under way."""
    masks, state = history.masks[job], history.jobs[job]
    numbers = {masks.latest, masks.number_of(max(len(state.rounds), 1))}
    for opened in (masks.segments[number] for number in sorted(numbers) if number in masks.segments):
        try:
            segment = segment_of(place, job, masks, opened)
        except Malformed:
            continue
        for index, said in sorted(opened.setups.items()):
            party, file = history.members[index].key, of_file(said.cid, size_of(segment))
            yield Owed(job, segment.first, party, file, size_of(segment), setup_pin(job, opened.number, index))


def roll_now(place: Place, history: History, job: int, round_: int) -> Roll:
    """Those who may push set-up files: the active members, by the keys that they have now."""
    keys = {member.index: member.key for member in history.members.values() if member.active}
    return Roll(place.chain, place.contract, job, round_, len(keys), keys, {})


def _receipts(round_: Round, party: str, digest: bytes, pin: str) -> Owed:
    return Owed(round_.job, round_.number, party, Cid(RAW, digest), MAX_SIZE, pin)
