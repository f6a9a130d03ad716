"""The checks of one round: its updates, each aggregate that was published, and every attestation."""

from collections.abc import Mapping
from typing import Any

from ledger.audit.claims import (
    attempt_claim,
    state_of_aggregate,
    state_of_attestation,
    touched,
)
from ledger.audit.context import Context
from ledger.audit.difference import locate_difference
from ledger.audit.report import Check, LieState
from ledger.audit.said import attested, foundation, published
from ledger.errors import FedledgerError, Unavailable
from ledger.events.evidence import Said
from ledger.events.rounds import Reason
from ledger.formats.cid import of_file
from ledger.formats.digest import NOTHING
from ledger.formats.text import plural
from ledger.history.state import Aggregate, Attestation, JobState, Phase, Round, Update
from ledger.jobs.document import Job
from ledger.rounds.admission import Decision, Judged, Verdict, judge
from ledger.rounds.facts import Entry, RoundFacts
from ledger.rounds.outcome import Outcome, conclude, excused


class RoundAudit:
    """Audits one round and adds what it finds to the audit's."""

    def __init__(self, audit: Context, state: JobState, job: Job, round_: Round) -> None:
        self.audit, self.state, self.job, self.round = audit, state, job, round_
        self.facts = RoundFacts.of(audit.place, state, job, round_)
        self.judged: dict[int, Judged] = {}
        self.missing: list[Update] = []
        self._outcomes: dict[frozenset[tuple[int, Verdict]], Outcome | str] = {}

    def run(self) -> None:
        """Check every update, then every aggregate with its attestations; say how far the round has come."""
        for entry in self.facts.entries:
            self._judge(entry)
        for aggregate in self.round.aggregates:
            self._aggregate(aggregate)
        self.audit.found.looked_at |= {touched(one, self.round) for one in self._standing()}
        self._course()

    def _standing(self) -> list[Aggregate]:
        """The aggregates that stand, or may come to."""
        return [one for one in self.round.aggregates if not failed(one)]

    def _course(self) -> None:
        """A round that is under way, and one that ended without an outcome: whose turn it was, and who spoke."""
        round_, audit = self.round, self.audit
        what = f"round {round_.job}/{round_.number}"
        if not round_.phase.terminal:
            self._open(Check.LOG, what, f"it is open: {round_.phase.value}")
        elif round_.reason is Reason.NO_AGGREGATE:
            left = None if round_.aggregates else audit.describe(round_.opener)
            self._open(Check.LOG, what, "it was abandoned: no aggregate was published in time", fault=left)
        elif round_.reason is Reason.NO_QUORUM:
            last = round_.aggregates[-1]
            silent = [m.index for m in audit.history.electorate(round_) if not last.attested_by(m.index)]
            names = ", ".join(map(audit.name, silent)) or "nobody"
            why = f"it was abandoned without a majority; silent in attempt {last.attempt}: {names}"
            self._open(Check.LOG, what, why)

    def _judge(self, entry: Entry) -> None:
        """BYTES: the update can be read, from any holder, and then has a verdict of its own.

        Bytes that cannot be had leave the claims open that were made from them. Where there is none they are the fault
        of the party that owed them.
        """
        audit, update = self.audit, entry.update
        try:
            decision = judge(self.facts, entry, audit.fetch)
        except Unavailable as error:
            self.missing.append(update)
            touches, why = self._owed(update)
            what = f"the bytes of the update of {audit.describe(update.party)} in {update_place(self.round)}"
            fault = None if touches else audit.describe(update.party)
            why = f"they could not be had{why}: {error}"
            self._open(Check.BYTES, what, why, **self._of(update), touches=touches, fault=fault)
        else:
            self.judged[update.index] = Judged(update, decision)
            audit.found.verify(Check.BYTES)
        audit.progress(self.job.layout.size)

    def _owed(self, update: Update) -> tuple[tuple[str, ...], str]:
        """The claims that were made from missing bytes; without one, why nothing depends on them."""
        standing = self._standing()
        needing = [one for one in standing if update.index not in taken_over(self.round, one)]
        if needing:
            return tuple(touched(one, self.round) for one in needing), ""
        if any(taken_over(self.round, one)[update.index] is not Verdict.UNAVAILABLE for one in standing):
            return (), ", and were refused by a majority when they could: attested, not re-made"
        return (), "; no claim that stands depends on them"

    def _aggregate(self, aggregate: Aggregate) -> None:
        taken = taken_over(self.round, aggregate)
        away = {index for index, verdict in taken.items() if verdict is Verdict.UNAVAILABLE}
        self._verdicts(aggregate, away)
        outcome = self._outcome(taken)
        if isinstance(outcome, str):
            self._unmade(aggregate, outcome)
            return
        self._model(aggregate, outcome)
        self._attestations(aggregate, outcome, bool(away))

    def _unmade(self, aggregate: Aggregate, why: str) -> None:
        """The aggregate could not be made again. One that failed keeps nothing open but its own name."""
        over = failed(aggregate)
        maker = {"party": self.audit.describe(aggregate.aggregator)} if over else {}
        touches = () if over else (touched(aggregate, self.round),)
        what = attempt_claim(self.round, aggregate) + (", which failed" if over else "")
        why = f"it could not be recomputed: {why}"
        self._open(Check.AGGREGATE, what, why, attempt=aggregate.attempt, touches=touches, **maker)

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
        if len(aggregate.verdicts) != len(updates):
            self._refute(
                aggregate,
                Check.ADMISSION,
                "the aggregate does not judge every update",
                expected=plural(len(updates), "verdict"),
                actual=plural(len(aggregate.verdicts), "verdict"),
            )
            return
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
                self.audit.found.verify(Check.ADMISSION)

    def _excused(self, aggregate: Aggregate, update: Update, known: Judged | None) -> None:
        """An update called unavailable was judged by those who attested then: nobody can prove or disprove it later."""
        if known is None:
            return
        what = f"the update of {self.audit.describe(update.party)} in {update_place(self.round)}"
        why = "it was left out as unavailable; its bytes can be had now"
        self._open(Check.ADMISSION, what, why, **self._of(update), attempt=aggregate.attempt)

    def _model(self, aggregate: Aggregate, outcome: Outcome) -> None:
        """AGGREGATE: root and CID are those that recompute; else where the first value differs."""
        if (aggregate.root, aggregate.cid) == (outcome.root, outcome.cid):
            self.audit.found.verify(Check.AGGREGATE)
            return
        if NOTHING in (aggregate.root, outcome.root):
            says = "no model can be made, but one can" if aggregate.empty else f"a model, but {outcome.why}"
            message = f"the aggregate claims {says}"
            evidence = {"why": message, "expected": outcome.root.hex(), "actual": aggregate.root.hex()}
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
        for attestation in aggregate.attestations:
            if attestation.claim == outcome.claim:
                self.audit.found.verify(Check.ATTESTATION)
                continue
            numbers = {"expected": outcome.claim.hex(), "actual": attestation.claim.hex()}
            if opinion and not attestation.agrees:
                self._another_view(aggregate, attestation, numbers)
            else:
                self._false(aggregate, attestation, numbers, right=aggregate.claim == outcome.claim)

    def _another_view(self, aggregate: Aggregate, attestation: Attestation, numbers: dict[str, str]) -> None:
        member = self.audit.describe(attestation.member)
        what = f"the attestation of {member} for {attempt_claim(self.round, aggregate)}"
        why = "it is another than what recomputes; its member may have had the bytes that were left out"
        detail = {"party": member, "tx": attestation.tx.hex(), **numbers}
        self._open(Check.ATTESTATION, what, why, attempt=aggregate.attempt, **detail)

    def _false(self, aggregate: Aggregate, attestation: Attestation, numbers: dict[str, str], *, right: bool) -> None:
        """What a member attested is false. It touches what it agreed to, or the failure that it brought about."""
        state = state_of_attestation(attestation, aggregate, self.round, right=right)
        attempt = attempt_claim(self.round, aggregate)
        touches: tuple[str, ...] = (touched(aggregate, self.round),) if attestation.agrees else ()
        if state == "standing" and not attestation.agrees:
            touches = (f"failure of {attempt}",)
        said = attested(self.round.job, self.round.number, aggregate.attempt, attestation)
        detail = {"why": "a member attested something other than what recomputes", "attempt": aggregate.attempt}
        what = f"attestation of {attempt}"
        self._convict(said, what, state, Check.ATTESTATION, **detail, **numbers, touches=touches)

    def _of(self, update: Update) -> dict[str, Any]:
        return {"party": self.audit.describe(update.party), "cid": str(of_file(update.cid, self.job.layout.size))}

    def _refute(self, aggregate: Aggregate, check: Check, why: str, **detail: Any) -> None:
        """What the aggregator published is false."""
        said = published(self.round.job, self.round.number, aggregate)
        state, what = state_of_aggregate(aggregate, self.round), attempt_claim(self.round, aggregate)
        touches = (touched(aggregate, self.round),)
        self._convict(said, what, state, check, why=why, attempt=aggregate.attempt, touches=touches, **detail)

    def _convict(self, said: Said, what: str, state: LieState, check: Check, **detail: Any) -> None:
        basis = foundation(self.state, self.round, self.facts.base.round)
        self.audit.convict(said, what, state, check, basis, **self._where, **detail)

    def _open(self, check: Check, what: str, why: str, **detail: Any) -> None:
        self.audit.leave_open(check, what, why, **self._where, **detail)

    @property
    def _where(self) -> dict[str, int]:
        return {"job": self.state.number, "round": self.round.number}


def failed(aggregate: Aggregate) -> bool:
    """Whether the members did not take the aggregate as a model: no bytes are needed for it any more."""
    return aggregate.outcome in (Phase.REFUTED, Phase.ABANDONED)


def taken_over(round_: Round, aggregate: Aggregate) -> dict[int, Verdict]:
    """The verdicts, by member index, that an audit takes from an aggregate where it cannot make them itself.

    UNAVAILABLE of any aggregate; other refusals of one that a majority attested.
    """
    away = dict.fromkeys(excused(round_, aggregate.attempt), Verdict.UNAVAILABLE)
    updates = round_.sorted_updates()
    if aggregate.outcome is not Phase.FINALISED or len(aggregate.verdicts) != len(updates):
        return away
    known = set(Verdict) - {Verdict.ADMITTED}
    attested = {u.index: Verdict(byte) for u, byte in zip(updates, aggregate.verdicts, strict=True) if byte in known}
    return attested | away


def update_place(round_: Round) -> str:
    """A round as texts name it."""
    return f"{round_.job}/{round_.number}"


def _verdict(byte: int) -> str:
    try:
        return f"{byte} ({Verdict(byte).meaning})"
    except ValueError:
        return f"{byte} (no such verdict)"
