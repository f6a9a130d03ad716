"""An aggregator's steps for segments and sets, carried out."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aggregator.acts import OpenSegment, ProposeCast, ProposeSet
from aggregator.masking.gathering import MaskGatherer
from ledger.formats.digest import sha256
from ledger.formats.text import listed, plural
from ledger.history.state import JobState
from ledger.party.connection import Connection
from ledger.party.pins import set_receipts_pin
from ledger.party.worker import Worker
from ledger.rounds.facts import RoundFacts
from ledger.rounds.masking.sets import due_set
from ledger.rounds.receipts import SignedHave, bitmap_of, encode
from ledger.rounds.steps import Wait

if TYPE_CHECKING:
    from ledger.chain.sender import Sender


class MaskActs:
    """What a worker does for its masked jobs besides their rounds' steps."""

    def __init__(
        self, worker: Worker, connection: Connection, sender: "Sender", masking: MaskGatherer, threads: int
    ) -> None:
        self._worker, self._connection, self._sender = worker, connection, sender
        self._masking, self._threads = masking, threads

    def open_segment(self, state: JobState, step: OpenSegment) -> None:
        self._sender.send("masks", "openSegment", step.job, step.segment)
        self._worker.note("opened", state, f"segment {step.segment} opened", segment=step.segment)

    def propose_cast(self, state: JobState, step: ProposeCast) -> Wait | None:
        """Whose set-ups count, by files that are here."""
        agreed = self._worker.require_agreement(state, self._connection.deep_point())
        if agreed is not None:
            return agreed
        self._sender.send("masks", "proposeCast", step.job, step.segment, bitmap_of(step.cast))
        text = f"segment {step.segment}: proposed the cast of {self._names(step.cast)}"
        self._worker.note("proposed", state, text, segment=step.segment, members=sorted(step.cast))
        return None

    def propose_set(
        self, facts: RoundFacts, step: ProposeSet, receipts: Sequence[SignedHave], still_due: Callable[[], object]
    ) -> Wait | None:
        """The receipts are stored before they are named; everyone else comes to the same set by them."""
        agreed = self._worker.require_agreement_now(facts, "propose")
        if isinstance(agreed, Wait):
            return agreed
        state, data = facts.state, encode(receipts)
        self._connection.put([data], set_receipts_pin(step.job, step.round, sha256(data)))
        convicted = self._masking.convicted(facts)
        groups, fetch = self._masking.groups(facts), self._connection.fetch
        chosen = due_set(facts, fetch, step.certified, convicted, groups, threads=self._threads)
        if not chosen:
            self._masking.note_small(facts, step.certified)
            text = f"round {step.round}: {plural(len(step.certified), 'certified update')} make no set"
            self._worker.note("short", state, text, round=step.round)
        elif still_due() is None:
            text = f"round {step.round} went on without this set"
            self._worker.note("overtaken", state, text, round=step.round)
        else:
            self._sender.send("masks", "proposeSet", step.job, step.round, bitmap_of(chosen), sha256(data))
            text = f"round {step.round}: proposed the set of {self._names(chosen)}"
            self._worker.note("proposed", state, text, round=step.round, members=sorted(chosen))
        return None

    def _names(self, members: frozenset[int]) -> str:
        return listed(map(self._connection.name, sorted(members)))
