"""The checks of one round: its course, its updates, and each aggregate that was published."""

from typing import Any

from ledger.audit.attempts import AttemptAudit
from ledger.audit.certificates import ReceiptsFiles
from ledger.audit.claims import round_place, touched
from ledger.audit.context import Context
from ledger.audit.course import tell_course
from ledger.audit.masking.judge import judge_of
from ledger.audit.masking.rounds import MasksAudit
from ledger.audit.platforms.notes import note_platforms
from ledger.audit.remade import Remade, failed, taken_over
from ledger.audit.report import Check, MeasuredRound
from ledger.errors import Unavailable
from ledger.history.state import JobState, Round, Update
from ledger.jobs.document import Job
from ledger.rounds.facts import RoundFacts
from ledger.rounds.sealed import Closed


class RoundAudit:
    """Audits one round and adds what it finds to the audit's."""

    def __init__(self, audit: Context, state: JobState, job: Job, round_: Round) -> None:
        self.audit, self.round = audit, round_
        self.judge = judge_of(audit, state, job)
        facts = RoundFacts.of(audit.place, state, job, round_, audit.history.masks.get(state.number))
        self.facts = audit.opener(facts)
        self.files = ReceiptsFiles(audit, self.facts)
        self.remade = Remade(audit, self.facts)
        self.attempts = [AttemptAudit(audit, self.facts, self.files, self.remade, one) for one in round_.aggregates]

    def read_ahead(self) -> "RoundAudit":
        """Itself, with the receipts files read that its aggregates name, as far as they can be had."""
        self.files.read_ahead(attempt.receipts for attempt in self.attempts)
        return self

    def certify(self) -> "RoundAudit":
        """Itself, with the signatures checked in the receipts files that were read."""
        self.files.certify()
        return self

    def run(self) -> None:
        """Check every update, then every aggregate with its attestations; say how far the round has come."""
        for attempt in self.attempts:
            attempt.read_receipts()
        self._read()
        self._measure()
        note_platforms(self.audit, self.round, self.remade.platforms)
        for attempt in self.attempts:
            attempt.run()
        if self.judge is not None:
            MasksAudit(self.audit, self.judge, self.facts, self.files, self.remade).run()
        self.audit.found.looked_at |= {touched(one.aggregate, self.round) for one in self._standing()}
        tell_course(self.audit, self.facts.state, self.round)

    def _standing(self) -> list[AttemptAudit]:
        """The attempts that stand, or may come to."""
        return [one for one in self.attempts if not failed(one.aggregate)]

    def _read(self) -> None:
        """BYTES: each update can be read, from any holder, and then has a verdict of its own. With the verdicts comes
        the model of the latest attempt.
        """
        latest = next((one.given.certified for one in reversed(self.attempts) if one.given), ())
        errors = self.remade.read(latest)
        for update in self.round.sorted_updates():
            if update.index in errors:
                self._missing(update, errors[update.index])
            else:
                self.audit.found.verify(Check.BYTES)

    def _measure(self) -> None:
        """What admission computed of each update whose bytes are those registered."""
        found = {index: one.decision.squares for index, one in self.remade.judged.items()}
        squares = {index: str(value) for index, value in found.items() if value is not None}
        if squares:
            self.audit.found.measured.append(MeasuredRound(self.round.job, self.round.number, squares))

    def _missing(self, update: Update, error: Unavailable) -> None:
        """Bytes that cannot be had leave the claims open that were made from them, by fault of those who signed to hold
        them. Where there is none they are the fault of the party that owed them.
        """
        audit = self.audit
        touches, why = self._owed(update)
        if isinstance(error, Closed):
            self._closed(update, error, touches)
            return
        signers = sorted({member for one in self.attempts for member in one.signers(update.index)})
        keys = [audit.describe(self.round.keys[member]) for member in signers]
        self.audit.leave_open(
            Check.BYTES,
            f"the bytes of the update of {audit.describe(update.party)} in {round_place(self.round)}",
            f"they could not be had{why}: {error}",
            touches=touches,
            fault=", ".join(keys) if touches else audit.describe(update.party),
            signed_for=tuple(keys),
            **self._where(update),
        )

    def _closed(self, update: Update, error: Closed, touches: tuple[str, ...]) -> None:
        """A sealed update that this auditor cannot open: nobody's fault, but for one that was erased."""
        audit = self.audit
        audit.leave_open(
            Check.BYTES,
            f"the sealed update of {audit.describe(update.party)} in {round_place(self.round)}",
            f"{'erased: ' if error.erased else ''}{error.message}",
            touches=touches,
            fault=audit.describe(update.party) if error.erased else "",
            **self._where(update),
        )

    def _owed(self, update: Update) -> tuple[tuple[str, ...], str]:
        """The claims that were made from missing bytes; without one, why nothing depends on them."""
        using = [one.aggregate for one in self._standing() if one.uses(update.index)]
        needing = [one for one in using if update.index not in taken_over(self.round, one)]
        if needing:
            return tuple(touched(one, self.round) for one in needing), ""
        if using:
            return (), ", and were refused by a majority when they could: attested, not re-made"
        return (), "; no claim that stands depends on them"

    def _where(self, update: Update) -> dict[str, Any]:
        cid = str(self.facts.job.file_of(update.index, update.cid))
        place = {"job": self.round.job, "round": self.round.number}
        return {**place, "party": self.audit.describe(update.party), "cid": cid}
