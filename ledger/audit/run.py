"""Runs the numbered checks over a history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ledger.audit.context import Context
from ledger.audit.report import Check, Finding, Report
from ledger.audit.rounds import RoundAudit
from ledger.audit.scores import ScoresAudit, has_set
from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import RAW, Cid
from ledger.formats.claims import NO_HEAD
from ledger.formats.digest import NOTHING
from ledger.history.fold import History
from ledger.history.state import JobState
from ledger.jobs.document import MAX_SIZE, Job, parse
from ledger.rounds.facts import Base, read_model

Scope = Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Observed:
    """What the chain itself said, at the block up to which the history goes.

    `code` maps a contract's name to the expected and the actual hash of its code; `source` to whether its source
    compiles to that code (None: not asked for; a text: why it could not be checked). `heads` holds the hash chain of
    every key that any member ever had, by (job, key); `models` the root that each round finalised, by (job, round), 32
    zero bytes where it finalised none; `scores` the root of each settled scoring, likewise.
    """

    code: Mapping[str, tuple[str, str]]
    source: Mapping[str, bool] | str | None
    heads: Mapping[tuple[int, str], bytes]
    models: Mapping[tuple[int, int], bytes]
    scores: Mapping[tuple[int, int], bytes] = field(default_factory=dict)


def scope_of(history: History, job: int | None = None, number: int | None = None) -> list[tuple[int, int]]:
    """The (job, round) pairs to audit: all, those of one job, or one round. Empty where there is no such round."""
    return [
        (state.number, round_.number)
        for state in history.jobs.values()
        for round_ in state.rounds.values()
        if job in (None, state.number) and number in (None, round_.number)
    ]


@dataclass
class Audit(Context):
    """One audit. `documents` are those of the jobs that it could read."""

    documents: dict[int, Job] = field(default_factory=dict)

    def run(self, observed: Observed, scope: Scope) -> Report:
        """Make all checks for the rounds in `scope` and return the report."""
        self._code(observed)
        self._source(observed)
        self.report.verify(Check.LOG, self.history.applied)
        for check in (Check.BYTES, Check.ADMISSION, Check.AGGREGATE, Check.ATTESTATION, Check.SCORES):
            self.report.verify(check, 0)
        for number in sorted({job for job, _ in scope}):
            state = self.history.jobs[number]
            self._heads(state, observed.heads)
            self._models(state, observed.models)
            self._score_roots(state, observed.scores)
            document = self._document(state)
            if document is None:
                continue
            self.documents[number] = document
            self._initial(state, document)
            scorable = has_set(self, state, document)
            for round_number in sorted(r for j, r in scope if j == number):
                RoundAudit(self, state, document, state.rounds[round_number]).run()
                ScoresAudit(self, state, document, state.rounds[round_number], scorable=scorable).run()
        return self.report

    def _code(self, observed: Observed) -> None:
        for contract, (expected, actual) in observed.code.items():
            if expected == actual:
                self.report.verify(Check.CODE)
            else:
                self.report.add(
                    Finding(
                        check=Check.CODE,
                        status="refuted",
                        message=f"the code of {contract} on chain is not the one pinned in the network file",
                        expected=expected,
                        actual=actual,
                    )
                )

    def _source(self, observed: Observed) -> None:
        if observed.source is None:
            self.report.skipped.append(Check.SOURCE)
        elif isinstance(observed.source, str):
            self.report.add(Finding(check=Check.SOURCE, status="unknown", message=observed.source))
        else:
            for contract, same in observed.source.items():
                if same:
                    self.report.verify(Check.SOURCE)
                else:
                    message = f"the code of {contract} on chain is not these sources compiled"
                    self.report.add(Finding(check=Check.SOURCE, status="refuted", message=message))

    def _heads(self, state: JobState, heads: Mapping[tuple[int, str], bytes]) -> None:
        """HEADS: for every key that log or chain knows, so that a party left out of the log is noticed."""
        self.report.verify(Check.HEADS, 0)
        known = [key for job, key in heads if job == state.number and heads[job, key] != NO_HEAD]
        for key in dict.fromkeys([*state.heads, *known]):
            head, actual = state.heads.get(key, NO_HEAD), heads.get((state.number, key))
            self._compare(state, head, actual, party=self.describe(key))

    def _models(self, state: JobState, models: Mapping[tuple[int, int], bytes]) -> None:
        """HEADS, for what each round finalised."""
        for number, round_ in state.rounds.items():
            logged = round_.final.root if round_.final else NOTHING
            self._compare(state, logged, models.get((state.number, number)), round=number)

    def _score_roots(self, state: JobState, scores: Mapping[tuple[int, int], bytes]) -> None:
        """HEADS, for what each scoring settled."""
        for number, scoring in state.scorings.items():
            self._compare(state, scoring.root, scores.get((state.number, number)), round=number)

    def _compare(self, state: JobState, logged: bytes, actual: bytes | None, **where: Any) -> None:
        if logged == actual:
            self.report.verify(Check.HEADS)
            return
        self.report.add(
            Finding(
                check=Check.HEADS,
                status="unknown",
                message="the log that was read is not the one the contract wrote; read it from another endpoint",
                job=state.number,
                expected=actual.hex() if actual is not None else "nothing read from the chain",
                actual=logged.hex(),
                **where,
            )
        )

    def _document(self, state: JobState) -> Job | None:
        cid = Cid(RAW, state.digest)
        try:
            document = parse(b"".join(bytes(piece) for piece in self.fetch(cid, 0, MAX_SIZE + 1)))
        except Unavailable as error:
            self._job_finding(state, Check.JOB, "unknown", f"the job's document could not be had: {error}", cid)
            return None
        except Malformed as error:
            self._job_finding(state, Check.JOB, "refuted", f"the approved document is not a job: {error}", cid)
            return None
        if document.terms != state.terms:
            self._job_finding(
                state,
                Check.JOB,
                "refuted",
                f"document and contract disagree on the terms: {document.terms} and {state.terms}",
                cid,
            )
            return None
        self.report.verify(Check.JOB)
        return document

    def _initial(self, state: JobState, document: Job) -> None:
        base = Base(0, document.initial_root, document.initial_cid)
        try:
            for piece in read_model(self.place, state, document, base, self.fetch):
                self.progress(len(piece))
        except Unavailable as error:
            self._job_finding(state, Check.INITIAL, "unknown", f"the initial model could not be had: {error}", base.cid)
        except Malformed as error:
            self._job_finding(state, Check.INITIAL, "refuted", f"the initial model is another: {error}", base.cid)
        else:
            self.report.verify(Check.INITIAL)

    def _job_finding(self, state: JobState, check: Check, status: str, message: str, cid: Cid) -> None:
        culprit = self.describe(state.proposer) if status == "refuted" else None
        self.report.add(
            Finding(
                check=check,
                status="refuted" if status == "refuted" else "unknown",
                message=message,
                job=state.number,
                culprit=culprit,
                cid=str(cid),
            )
        )
