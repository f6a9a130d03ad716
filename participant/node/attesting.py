"""What a member says of an aggregate: it computes the claim itself, from its own chain, the receipts, and the bytes.

It says so in time: what is still lacking when three quarters of the attesting time are over is named, not waited for.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ledger.errors import Malformed, Unavailable
from ledger.events.rounds import Form
from ledger.formats.cid import RAW, Cid
from ledger.history.state import Aggregate, JobState
from ledger.party.connection import Connection
from ledger.party.copies import Gathering
from ledger.party.masking.copies import MaskCopies
from ledger.party.nodes.witnesses import HistoryPoint
from ledger.party.pins import opposing_pin
from ledger.party.seals.reader import SealReader
from ledger.party.sharing.pushing import Sharing
from ledger.party.upkeep.making import make
from ledger.rounds.admission import Verdict
from ledger.rounds.facts import RoundFacts, Standpoint
from ledger.rounds.outcome import Outcome
from ledger.rounds.receipts import (
    MAX_SIZE,
    RECEIPTS_BIT,
    SignedHave,
    bitmap_of,
    certified,
    cid_of,
    counts,
    encode,
    merged,
    parse,
    signed_in_time,
)
from ledger.rounds.steps import LAST_MOMENT, Wait, copied_by
from participant.node.masking.judging import Judging

if TYPE_CHECKING:
    from ledger.chain.node import Block

WORD = 32
Receipts = tuple[tuple[SignedHave, ...], bytes]
"""Entries of a receipts file, and its SHA-256."""
Agree = Callable[[JobState, HistoryPoint], Wait | None]
"""None where other chain nodes agree on a point; else what is waited for."""


@dataclass(frozen=True, slots=True)
class Speech:
    """What to send: `attest`'s form, claim and detail; the outcome where one was computed, `missing` where not."""

    form: Form
    claim: bytes
    detail: bytes
    outcome: Outcome | None = None
    missing: tuple[int, ...] = ()


class Attesting:
    """Makes up a member's mind."""

    def __init__(
        self,
        connection: Connection,
        copies: MaskCopies,
        sharing: Sharing,
        judging: Judging,
        key: str,
        agree: Agree,
        reader: SealReader,
    ) -> None:
        self._reader = reader
        self._connection, self._copies, self._sharing, self._key = connection, copies, sharing, key
        self._judging, self._agree = judging, agree
        self._file: tuple[bytes, tuple[SignedHave, ...]] | None = None

    def speech(self, facts: RoundFacts, now: int) -> Speech | Wait:
        """What to say of the round's latest aggregate at `now`.

        Raises Unavailable where the base model or the own chain cannot be read.
        """
        aggregate, terms = facts.round.aggregates[-1], facts.state.terms
        by = copied_by(aggregate.deadline, terms.attest_seconds, now)
        point = self._standpoint(facts.state, aggregate)
        if isinstance(point, Wait):
            return point
        found = self._receipts(facts, point, by, now) if facts.masks is None else self._of_the_set(facts, by - now)
        if not isinstance(found, tuple):
            return found
        receipts, own = found
        counted = certified(receipts, facts.roll)
        gathering = self._copies.gather(facts, by - now, counted)
        if gathering.copying:
            return copies_of(gathering, facts.round.number)
        if gathering.missing:
            return self._lacking(facts, gathering.missing, by, now)
        self._copies.check_base(facts)
        return self._computed(facts, point._replace(receipts=own), counted)

    def _receipts(self, facts: RoundFacts, point: Standpoint, by: int, now: int) -> Receipts | Speech | Wait:
        """The receipts that count, and their file's digest."""
        known = self._known(facts, by - now)
        if known is None:
            return self._lacking(facts, [RECEIPTS_BIT], by, now)
        return known if isinstance(known, Wait) else self._opposed(facts, point, known, now)

    def _of_the_set(self, facts: RoundFacts, seconds: float) -> Receipts | Wait:
        """Those of a masked round's set, which its aggregate names and no others. Without a set, or enough answers,
        nobody can tell what is right: an aggregate that was made so ends at its deadline.
        """
        number = facts.round.number
        said = facts.masks.rounds.get(number) if facts.masks is not None else None
        if said is None or said.set is None:
            return Wait(f"no set is fixed for round {number}, and an aggregate is published", None)
        proposal = said.proposals[-1]
        files, receipts = self._judging.cast_files(facts, seconds), self._judging.receipts(facts, proposal, seconds)
        if isinstance(files, Wait):
            return files
        return receipts if isinstance(receipts, Wait) else (receipts, proposal.receipts)

    def _standpoint(self, state: JobState, aggregate: Aggregate) -> Standpoint | Wait:
        """Where the aggregate was made from, by this member's own chain; nothing is said from another branch, or of a
        history that other chain nodes show differently.
        """
        history, tip = self._connection.history, self._connection.follower.tip
        if tip.number < aggregate.as_of:
            return Wait(f"the own node has not reached block {aggregate.as_of}")
        if self._connection.client.block_hash(aggregate.as_of) != aggregate.anchor:
            return Wait(f"the own node has another block {aggregate.as_of} than the aggregate was made from")
        head = history.head_at(aggregate.as_of)
        wait = self._agree(state, HistoryPoint(aggregate.as_of, aggregate.anchor, head))
        return wait or Standpoint(aggregate.as_of, aggregate.anchor, head, aggregate.receipts)

    def _known(self, facts: RoundFacts, seconds: float) -> tuple[SignedHave, ...] | Wait | None:
        """The entries of the aggregate's receipts file, none where it is not one; None where it cannot be had."""
        if self._copies.receipts(facts, seconds).copying:
            return Wait(f"copies the receipts for round {facts.round.number}")
        digest = facts.round.aggregates[-1].receipts
        try:
            self._copies.check_receipts(facts)
            if self._file is None or self._file[0] != digest:
                self._file = digest, self._read(digest)
            return self._file[1]
        except Unavailable:
            return None

    def _read(self, digest: bytes) -> tuple[SignedHave, ...]:
        """The entries of a receipts file, none where it is not one. Raises Unavailable."""
        try:
            return parse(b"".join(bytes(piece) for piece in self._connection.fetch(Cid(RAW, digest), 0, MAX_SIZE + 1)))
        except Malformed:
            return ()

    def _opposed(
        self, facts: RoundFacts, point: Standpoint, known: tuple[SignedHave, ...], now: int
    ) -> Receipts | Wait:
        """The receipts that count and their file's digest: the aggregate's, or, where it leaves out an update that was
        certified in time, the same with what was signed by then. That file is kept, for everyone to read.

        Signatures that are on their way are waited for where it was published too soon to leave anything out.
        """
        counted, by = certified(known, facts.roll), self._signed_by(facts)
        if isinstance(by, Wait):
            return by
        early = by is None and Verdict.UNAVAILABLE in facts.round.aggregates[-1].verdicts
        if early:
            self._vouch(facts, now)
        old = self._sharing.receipts(facts, by=by)
        if not certified(old, facts.roll) - counted:
            late = self._say_by(facts)
            if early and now < late:
                return Wait(f"round {facts.round.number} leaves out updates too soon; waits for signatures", late)
            return known, point.receipts
        more, round_ = merged([one for one in known if counts(one, facts.roll)] + [*old]), facts.round
        data = encode(more)
        self._connection.put([data], opposing_pin(round_.job, round_.number, round_.attempt, self._index()))
        return more, cid_of(data).digest

    def _index(self) -> int:
        member = self._connection.history.member_of(self._key)
        return -1 if member is None else member.index

    def _vouch(self, facts: RoundFacts, now: int) -> None:
        """As while the round was aggregated, which was cut short."""
        gathering = self._copies.gather(facts, max(self._say_by(facts) - now, LAST_MOMENT), keep=facts.round.updates)
        self._sharing.said(facts, gathering.held & self._reader.opens(facts, self._connection.fetch))

    def _signed_by(self, facts: RoundFacts) -> int | Wait | None:
        """See `receipts.signed_in_time`; in seconds since 1970."""
        numbers = facts.round.opened_in, facts.round.aggregates[-1].block
        blocks = zip(numbers, self._connection.client.blocks(numbers), strict=True)
        opened, published = (self._time(facts.state, *block) for block in blocks)
        if isinstance(opened, Wait) or isinstance(published, Wait):
            return opened if isinstance(opened, Wait) else published
        return signed_in_time(opened, published, facts.state.terms.aggregate_seconds)

    def _time(self, state: JobState, number: int, found: "Block | None") -> int | Wait:
        """When a block was made, in seconds since 1970; other chain nodes must agree where its hash does not say so."""
        if found is None:
            raise Unavailable("the chain was reorganised meanwhile", block=number)
        point = self._connection.point(number, found.hash)._replace(time=found.time)
        wait = None if found.proved else self._agree(state, point)
        return found.time if wait is None else wait

    def _lacking(self, facts: RoundFacts, members: Collection[int], by: int, now: int) -> Speech | Wait:
        """What is lacking is asked for again until three quarters of the time are over, then named."""
        aggregate, late = facts.round.aggregates[-1], self._say_by(facts)
        if now < late:
            return Wait(f"bytes that round {facts.round.number} was made of cannot be had yet", late)
        return Speech(
            Form.MISSING, aggregate.claim, bitmap_of(members).to_bytes(WORD, "big"), missing=tuple(sorted(members))
        )

    def _say_by(self, facts: RoundFacts) -> int:
        return facts.round.aggregates[-1].deadline - facts.state.terms.attest_seconds // 4

    def _computed(self, facts: RoundFacts, point: Standpoint, counted: Collection[int]) -> Speech:
        """Agree where the own claim is the published one, else say what it is, and by which receipts."""
        connection = self._connection
        outcome = make(connection, self._reader.open(facts, connection.fetch), counted)
        claim = outcome.claim(point)
        if claim == facts.round.aggregates[-1].claim:
            return Speech(Form.AGREE, claim, outcome.witness(self._key, claim), outcome)
        return Speech(Form.OTHER, claim, point.receipts, outcome)


def copies_of(gathering: Gathering, number: int) -> Wait:
    """What is being copied is waited for."""
    return Wait(f"copies {', '.join(gathering.copying)} for round {number}")
