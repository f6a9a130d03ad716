"""COURT: every conviction on the ledger follows from what was shown to the court; and what it makes of models.

A convicted model, and every one that stands on it, is not right, whatever bytes can still be had. Its aggregator and
those that agreed are named by what they signed, also where the audit could not make the aggregate again.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from ledger.audit.claims import attempt_claim, model_claim, state_of_aggregate, touched
from ledger.audit.context import CHAIN_NODE, Context
from ledger.audit.report import Check
from ledger.audit.said import agreed, foundation
from ledger.errors import Malformed, Unavailable
from ledger.events.court import Ground
from ledger.events.evidence import Said, Unproven
from ledger.history.state import Aggregate, Conviction, JobState, Round
from ledger.jobs.document import Job
from ledger.rounds.facts import RoundFacts

_CHECKS = {
    Ground.VALUE: Check.AGGREGATE,
    Ground.LIMIT: Check.ADMISSION,
    Ground.WEIGHT: Check.ADMISSION,
    Ground.TOO_FEW: Check.AGGREGATE,
}
_FALSE = {
    Ground.VALUE: "a value of the model is not what its base and the admitted updates make it, as the court found",
    Ground.LIMIT: "an admitted update has a value above the job's bound, as the court found",
    Ground.WEIGHT: "an admitted update has a weight above the job's bound, as the court found",
    Ground.TOO_FEW: "there is a model, but too few updates were admitted, as the court found",
}


def check_convictions(audit: Context, state: JobState, document: Job, numbers: Iterable[int]) -> None:
    """Judge again what the court convicted in these rounds; deny every model of the job that stands on such a one."""
    for number, why in _denied(state):
        audit.found.denied.setdefault(model_claim(state.number, number), why)
    chosen = set(numbers)
    for one in state.convictions:
        if one.said.round in chosen:
            _Trial(audit, state, document, one).run()


def _denied(state: JobState) -> Iterator[tuple[int, str]]:
    """The finalised rounds whose models are convicted, or stand on one, and why."""
    found = {one.said.round for one in state.convictions}
    for number, round_ in state.rounds.items():
        if round_.final is None or not state.is_convicted(number):
            continue
        cause = next((one for one in state.lineage(number) if one in found), number)
        convicted = "the court convicted it"
        yield number, convicted if cause == number else f"it stands on the model of round {cause}: {convicted}"


class _Trial:
    """One conviction, judged again."""

    def __init__(self, audit: Context, state: JobState, document: Job, conviction: Conviction) -> None:
        self.audit, self.state, self.said = audit, state, conviction.said
        self.document = document
        self.round: Round = state.rounds[self.said.round]
        self.aggregate: Aggregate = self.round.aggregates[conviction.attempt - 1]

    def run(self) -> None:
        """Whether it follows from what was shown, or else from the round's bytes; who signed what it convicted."""
        try:
            self._judge_again()
        except Unavailable as error:
            self._open(error.message)
            return
        except Malformed as error:
            self._open(
                f"what was shown to the court does not convict it: {error.message}; the log that was read is not the "
                "court's; read it from another endpoint",
                fault=CHAIN_NODE,
            )
            self.audit.found.doubted.add(self.state.number)
            return
        self.audit.found.verify(Check.COURT)
        published, *agreeing = agreed(self.round, self.aggregate)
        self._name(published, _CHECKS[self.said.ground], attempt_claim(self.round, self.aggregate))
        for one in agreeing:
            self._name(one, Check.ATTESTATION, f"attestation of {attempt_claim(self.round, self.aggregate)}")

    def _judge_again(self) -> None:
        """Raises Unavailable where neither the call nor the bytes show it, Malformed where it does not convict."""
        try:
            self.audit.retry(self.state, self.said)
            return
        except Unproven as error:
            unproven = error
        facts = RoundFacts.of(self.audit.place, self.state, self.document, self.round)
        try:
            self.audit.retry_from_bytes(facts, self.aggregate, self.said, self.audit.fetch, self.audit.threads)
        except Unavailable as error:
            raise Unavailable(
                "what was shown to the court cannot be judged again, nor made again from the bytes, so nobody is "
                f"named: {unproven.message}; {error.message}"
            ) from error

    def _name(self, statement: Said, check: Check, what: str) -> None:
        """Name a signer of what is false, unless the audit found so much itself."""
        known = {(one.key, one.job, one.round, one.attempt) for one in self.audit.found.lies}
        if (statement.signer, self.state.number, self.round.number, self.aggregate.attempt) in known:
            return
        basis = foundation(self.state, self.round, self.said.before)
        state = state_of_aggregate(self.aggregate, self.round, self.state)
        shown = {"expected": str(self.said.expected), "actual": str(self.said.actual), **self._place}
        detail = {"why": _FALSE[self.said.ground], "touches": (self._touched,)}
        self.audit.convict(statement, what, state, check, basis, **self._where, **shown, **detail)

    @property
    def _touched(self) -> str:
        return touched(self.aggregate, self.round)

    @property
    def _where(self) -> dict[str, int]:
        return {"job": self.state.number, "round": self.round.number, "attempt": self.aggregate.attempt}

    @property
    def _place(self) -> dict[str, Any]:
        """Which value, or whose update."""
        update = self.round.updates.get(self.said.member)
        whose = self.said.ground in (Ground.LIMIT, Ground.WEIGHT) and update is not None
        return {"party": self.audit.describe(update.party)} if whose and update else {}

    def _open(self, why: str, **detail: Any) -> None:
        what = f"the conviction of {attempt_claim(self.round, self.aggregate)}"
        self.audit.leave_open(Check.COURT, what, why, tx=self.said.tx.hex(), **self._where, **detail)
