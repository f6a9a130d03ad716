"""The checks of one round: its updates, each aggregate that was published, and every attestation."""

from collections.abc import Mapping
from typing import Any

from ledger.audit.context import Context
from ledger.audit.difference import locate_difference
from ledger.audit.report import Check, Finding, Status
from ledger.audit.said import attested, foundation, published
from ledger.errors import FedledgerError, Unavailable
from ledger.formats.cid import of_file
from ledger.formats.digest import NOTHING
from ledger.history.state import Aggregate, JobState, Phase, Round, Update
from ledger.jobs.document import Job
from ledger.rounds.admission import Decision, Judged, Verdict, judge
from ledger.rounds.facts import Entry, RoundFacts, Standpoint
from ledger.rounds.outcome import Outcome, conclude


class RoundAudit:
    """Audits one round and adds what it finds to the audit's report."""

    def __init__(self, audit: Context, state: JobState, job: Job, round_: Round) -> None:
        self.audit, self.state, self.job, self.round = audit, state, job, round_
        self.facts = RoundFacts.of(audit.place, state, job, round_)
        self.judged: dict[int, Judged] = {}
        self.missing: list[Update] = []
        self._outcomes: dict[frozenset[tuple[int, Verdict]], Outcome | str] = {}

    def run(self) -> None:
        """Check every update, then every aggregate with its attestations."""
        for entry in self.facts.entries:
            self._judge(entry)
        for aggregate in self.round.aggregates:
            self._aggregate(aggregate)

    def _judge(self, entry: Entry) -> None:
        """BYTES: the update can be read, from any holder, and then has a verdict of its own.

        Where no standing claim depends on bytes that cannot be had: a notice, which names the party that owed them.
        """
        audit, update = self.audit, entry.update
        try:
            decision = judge(self.facts, entry, audit.fetch)
        except Unavailable as error:
            self.missing.append(update)
            status, why = self._owed(update)
            self._find(Check.BYTES, status, f"the update's bytes could not be had{why}: {error}", **self._of(update))
        else:
            self.judged[update.index] = Judged(update, decision)
            audit.report.verify(Check.BYTES)
        audit.progress(self.job.layout.size)

    def _owed(self, update: Update) -> tuple[Status, str]:
        """What missing bytes mean: UNKNOWN where an aggregate that stands, or may come to, was made from them."""
        standing = [one for one in self.round.aggregates if not failed(one)]
        if any(update.index not in taken_over(self.round, one) for one in standing):
            return "unknown", ""
        if any(taken_over(self.round, one)[update.index] is not Verdict.UNAVAILABLE for one in standing):
            return "notice", ", and were refused by a majority when they could: attested, not re-made"
        return "notice", "; no claim that stands depends on them"

    def _aggregate(self, aggregate: Aggregate) -> None:
        taken = taken_over(self.round, aggregate)
        away = {index for index, verdict in taken.items() if verdict is Verdict.UNAVAILABLE}
        self._verdicts(aggregate, away)
        outcome = self._outcome(taken)
        if isinstance(outcome, str):
            status: Status = "notice" if failed(aggregate) else "unknown"
            message = f"the aggregate {'that failed ' if failed(aggregate) else ''}could not be recomputed: {outcome}"
            maker = {"party": self.audit.describe(aggregate.aggregator)} if failed(aggregate) else {}
            self._find(Check.AGGREGATE, status, message, attempt=aggregate.attempt, **maker)
            return
        self._model(aggregate, outcome)
        self._attestations(aggregate, outcome, bool(away))

    def _outcome(self, taken: Mapping[int, Verdict]) -> Outcome | str:
        """The outcome in which missing updates have the verdicts of `taken`, or why there is none."""
        missing = {update.index for update in self.missing}
        given = {i: verdict for i, verdict in taken.items() if i in missing or verdict is Verdict.UNAVAILABLE}
        key = frozenset(given.items())
        if key not in self._outcomes:
            self._outcomes[key] = self._conclude(given)
        return self._outcomes[key]

    def _conclude(self, given: Mapping[int, Verdict]) -> Outcome | str:
        missing = [self.audit.describe(update.party) for update in self.missing if update.index not in given]
        if missing:
            return f"missing updates: {', '.join(missing)}"
        judged = tuple(
            Judged(update, Decision(given[update.index])) if update.index in given else self.judged[update.index]
            for update in self.round.sorted_updates()
        )
        audit = self.audit
        try:
            return conclude(self.facts, judged, audit.fetch, threads=audit.threads, progress=audit.progress)
        except FedledgerError as error:
            return str(error)

    def _verdicts(self, aggregate: Aggregate, away: set[int]) -> None:
        """ADMISSION: the aggregator's verdict on each update is the one that recomputes."""
        updates = self.round.sorted_updates()
        for update, byte in zip(updates, aggregate.verdicts, strict=True):
            known = self.judged.get(update.index)
            if update.index in away:
                self._excused(aggregate, update, known)
            elif known is not None and known.decision.verdict != byte:
                self._refute(
                    aggregate,
                    Check.ADMISSION,
                    "the aggregator's verdict on an update is not the one that the job's rules lead to",
                    **self._of(update),
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
        self._refute(aggregate, Check.AGGREGATE, **evidence)

    def _attestations(self, aggregate: Aggregate, outcome: Outcome, opinion: bool) -> None:
        """ATTESTATION: each member's claim is the one that recomputes.

        A member that agrees has signed all that the aggregate claims. One that does not may have had the bytes of
        updates that the aggregate leaves out as unavailable: it saw something else, and did not lie.
        """
        claim = outcome.claim(Standpoint.of(aggregate))
        for attestation in aggregate.attestations:
            if attestation.claim == claim:
                self.audit.report.verify(Check.ATTESTATION)
                continue
            message = "a member attested something other than what recomputes"
            numbers = {"expected": claim.hex(), "actual": attestation.claim.hex()}
            if opinion and not attestation.agrees:
                fields = {"party": self.audit.describe(attestation.member), "tx": attestation.tx.hex(), **numbers}
                self._find(Check.ATTESTATION, "notice", message, attempt=aggregate.attempt, **fields)
                continue
            finding = self._finding(Check.ATTESTATION, "refuted", message, attempt=aggregate.attempt, **numbers)
            said = attested(self.round.job, self.round.number, aggregate.attempt, attestation)
            self.audit.convict(finding, said, foundation(self.state, self.round, self.facts.base.round))

    def _of(self, update: Update) -> dict[str, Any]:
        return {"party": self.audit.describe(update.party), "cid": str(of_file(update.cid, self.job.layout.size))}

    def _refute(self, aggregate: Aggregate, check: Check, message: str, **evidence: Any) -> None:
        """What the aggregator published is false."""
        finding = self._finding(check, "refuted", message, attempt=aggregate.attempt, **evidence)
        said = published(self.round.job, self.round.number, aggregate)
        self.audit.convict(finding, said, foundation(self.state, self.round, self.facts.base.round))

    def _find(self, check: Check, status: Status, message: str, **evidence: Any) -> None:
        self.audit.report.add(self._finding(check, status, message, **evidence))

    def _finding(self, check: Check, status: Status, message: str, **evidence: Any) -> Finding:
        where: dict[str, Any] = {"job": self.state.number, "round": self.round.number}
        return Finding(check=check, status=status, message=message, **where, **evidence)


def failed(aggregate: Aggregate) -> bool:
    """Whether the members did not take the aggregate: nothing depends on it any more."""
    return aggregate.outcome in (Phase.REFUTED, Phase.ABANDONED)


def taken_over(round_: Round, aggregate: Aggregate) -> dict[int, Verdict]:
    """The verdicts, by member index, that an audit takes from an aggregate where it cannot make them itself.

    UNAVAILABLE of any aggregate; other refusals of one that a majority attested.
    """
    known = set(Verdict) - {Verdict.ADMITTED} if aggregate.outcome is Phase.FINALISED else {Verdict.UNAVAILABLE}
    updates = round_.sorted_updates()
    return {u.index: Verdict(byte) for u, byte in zip(updates, aggregate.verdicts, strict=True) if byte in known}


def _verdict(byte: int) -> str:
    try:
        return f"{byte} ({Verdict(byte).meaning})"
    except ValueError:
        return f"{byte} (no such verdict)"
