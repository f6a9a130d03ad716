"""Runs the numbered checks over a history."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ledger.audit.context import Context
from ledger.audit.observed import Observed, is_the_contracts_log
from ledger.audit.report import Check, Finding, Report, Status
from ledger.audit.rounds import RoundAudit
from ledger.audit.said import proposed
from ledger.audit.scores import ScoresAudit, has_set
from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import RAW, Cid
from ledger.history.fold import History
from ledger.history.state import JobState
from ledger.jobs.document import MAX_SIZE, Job, parse
from ledger.rounds.facts import Base, read_model

Scope = Sequence[tuple[int, int]]


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
            if not is_the_contracts_log(self, state, observed):
                continue
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

    def _job_finding(self, state: JobState, check: Check, status: Status, message: str, cid: Cid) -> None:
        """UNKNOWN, or the proposer's false statement."""
        finding = Finding(check=check, status=status, message=message, job=state.number, cid=str(cid))
        if status == "refuted":
            self.convict(finding, proposed(state))
        else:
            self.report.add(finding)
