"""The checks of one round: its updates, each aggregate that was published, and every attestation."""

from typing import Any

from ledger.audit.context import Context
from ledger.audit.difference import locate_difference
from ledger.audit.report import Check, Finding, Status
from ledger.errors import FedledgerError, Unavailable
from ledger.formats.cid import of_file
from ledger.formats.digest import NOTHING
from ledger.formats.text import plural
from ledger.history.state import Aggregate, JobState, Round, Update
from ledger.jobs.document import Job
from ledger.rounds.admission import Decision, Judged, Verdict, judge
from ledger.rounds.facts import Entry, RoundFacts
from ledger.rounds.outcome import Outcome, conclude, excused


class RoundAudit:
    """Audits one round and adds what it finds to the audit's report."""

    def __init__(self, audit: Context, state: JobState, job: Job, round_: Round) -> None:
        self.audit, self.state, self.job, self.round = audit, state, job, round_
        self.facts = RoundFacts.of(audit.place, state, job, round_)
        self.judged: dict[int, Judged] = {}
        self.missing: list[Update] = []
        self._outcomes: dict[frozenset[int], Outcome | str] = {}

    def run(self) -> None:
        """Check every update, then every aggregate with its attestations."""
        for entry in self.facts.entries:
            self._judge(entry)
        for aggregate in self.round.aggregates:
            self._aggregate(aggregate)

    def _judge(self, entry: Entry) -> None:
        """BYTES: the update can be read, from any holder, and then has a verdict of its own.

        Where every aggregate called it unavailable, no check needs it: a notice.
        """
        audit, update = self.audit, entry.update
        try:
            decision = judge(self.facts, entry, audit.fetch)
        except Unavailable as error:
            self.missing.append(update)
            message = f"the update's bytes could not be had: {error}"
            attempts = range(1, self.round.attempt + 1)
            excused_by_all = bool(attempts) and all(update.index in excused(self.round, n) for n in attempts)
            self._find(Check.BYTES, "notice" if excused_by_all else "unknown", message, **self._of(update))
        else:
            self.judged[update.index] = Judged(update, decision)
            audit.report.verify(Check.BYTES)
        audit.progress(self.job.layout.size)

    def _aggregate(self, aggregate: Aggregate) -> None:
        away = excused(self.round, aggregate.attempt)
        self._verdicts(aggregate, away)
        outcome = self._outcome(frozenset(away))
        if isinstance(outcome, str):
            message = f"the aggregate could not be recomputed: {outcome}"
            self._find(Check.AGGREGATE, "unknown", message, attempt=aggregate.attempt)
            return
        self._model(aggregate, outcome)
        self._attestations(aggregate, outcome, bool(away))

    def _outcome(self, away: frozenset[int]) -> Outcome | str:
        """The outcome without the bytes of `away`, or why there is none."""
        if away not in self._outcomes:
            self._outcomes[away] = self._conclude(away)
        return self._outcomes[away]

    def _conclude(self, away: frozenset[int]) -> Outcome | str:
        missing = [self.audit.describe(update.party) for update in self.missing if update.index not in away]
        if missing:
            return f"missing updates: {', '.join(missing)}"
        judged = []
        for update in self.round.sorted_updates():
            if update.index in away:
                judged.append(Judged(update, Decision(Verdict.UNAVAILABLE)))
            else:
                judged.append(self.judged[update.index])
        audit = self.audit
        try:
            return conclude(self.facts, tuple(judged), audit.fetch, threads=audit.threads, progress=audit.progress)
        except FedledgerError as error:
            return str(error)

    def _verdicts(self, aggregate: Aggregate, away: set[int]) -> None:
        """ADMISSION: the aggregator's verdict on each update is the one that recomputes."""
        updates = self.round.sorted_updates()
        if len(aggregate.verdicts) != len(updates):
            self._find(
                Check.ADMISSION,
                "refuted",
                "the aggregate does not judge every update",
                **self._by(aggregate),
                expected=plural(len(updates), "verdict"),
                actual=plural(len(aggregate.verdicts), "verdict"),
            )
            return
        for update, byte in zip(updates, aggregate.verdicts, strict=True):
            known = self.judged.get(update.index)
            if update.index in away:
                self._excused(aggregate, update, known)
            elif known is not None and known.decision.verdict != byte:
                self._find(
                    Check.ADMISSION,
                    "refuted",
                    "the aggregator's verdict on an update is not the one that the job's rules lead to",
                    **self._of(update) | self._by(aggregate),
                    expected=f"{known.decision.verdict.value} ({known.decision.verdict.meaning})",
                    actual=_verdict(byte),
                )
            elif known is not None:
                self.audit.report.verify(Check.ADMISSION)

    def _excused(self, aggregate: Aggregate, update: Update, known: Judged | None) -> None:
        """An update called unavailable was judged by those who attested then: nobody can prove or disprove it later."""
        if known is None:
            return
        message = "the update was left out as unavailable; its bytes can be had now"
        self._find(Check.ADMISSION, "notice", message, **self._of(update), attempt=aggregate.attempt)

    def _model(self, aggregate: Aggregate, outcome: Outcome) -> None:
        """AGGREGATE: root and CID are those that recompute; else where the first value differs."""
        if (aggregate.root, aggregate.cid) == (outcome.root, outcome.cid):
            self.audit.report.verify(Check.AGGREGATE)
            return
        if NOTHING in (aggregate.root, outcome.root):
            says = "no model can be made, but one can" if aggregate.empty else f"a model, but {outcome.why}"
            message = f"the aggregate claims {says}"
            evidence = {"message": message, "expected": outcome.root.hex(), "actual": aggregate.root.hex()}
        else:
            evidence = locate_difference(self.facts, aggregate, outcome, self.audit.fetch)
        if not aggregate.empty:
            evidence["cid"] = str(of_file(aggregate.cid, self.job.layout.size))
        self._find(Check.AGGREGATE, "refuted", **evidence | self._by(aggregate))

    def _attestations(self, aggregate: Aggregate, outcome: Outcome, opinion: bool) -> None:
        """ATTESTATION: each member's claim is the one that recomputes.

        A member that agrees has signed all that the aggregate claims. One that does not may have had the bytes of
        updates that the aggregate leaves out as unavailable: it saw something else, and did not lie.
        """
        for attestation in aggregate.attestations:
            if attestation.claim == outcome.claim:
                self.audit.report.verify(Check.ATTESTATION)
                continue
            self._find(
                Check.ATTESTATION,
                "notice" if opinion and not attestation.agrees else "refuted",
                "a member attested something other than what recomputes",
                attempt=aggregate.attempt,
                culprit=self.audit.describe(attestation.member),
                expected=outcome.claim.hex(),
                actual=attestation.claim.hex(),
                tx=attestation.tx.hex(),
            )

    def _of(self, update: Update) -> dict[str, Any]:
        return {"party": self.audit.describe(update.party), "cid": str(of_file(update.cid, self.job.layout.size))}

    def _by(self, aggregate: Aggregate) -> dict[str, Any]:
        return {
            "culprit": self.audit.describe(aggregate.aggregator),
            "attempt": aggregate.attempt,
            "tx": aggregate.tx.hex(),
        }

    def _find(self, check: Check, status: Status, message: str, **evidence: Any) -> None:
        self.audit.report.add(
            Finding(
                check=check, status=status, message=message, job=self.state.number, round=self.round.number, **evidence
            )
        )


def _verdict(byte: int) -> str:
    try:
        return f"{byte} ({Verdict(byte).meaning})"
    except ValueError:
        return f"{byte} (no such verdict)"
