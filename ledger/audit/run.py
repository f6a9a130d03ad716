"""Runs the numbered checks over a history."""

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ledger.audit.answers import is_right, what_is_open, who_lied
from ledger.audit.claims import CODE, job_claim, standing, state_of_proposal
from ledger.audit.context import CHAIN_NODE, Context
from ledger.audit.court.convictions import check_convictions
from ledger.audit.edges.receipts import audit_receipt
from ledger.audit.edges.sums import audit_sums
from ledger.audit.found import Found
from ledger.audit.masking.judge import audit_segments
from ledger.audit.masking.segments import UNSIGNED
from ledger.audit.observed import Observed, is_the_contracts_log
from ledger.audit.platforms.notes import looked_at
from ledger.audit.question import Question, Scope
from ledger.audit.report import Check, HistoryRead, Report
from ledger.audit.rounds import RoundAudit
from ledger.audit.said import configured, priced, proposed
from ledger.audit.scores import ScoresAudit, has_set
from ledger.audit.signed import SignedTo, check_signed
from ledger.errors import Malformed, Unavailable
from ledger.events.evidence import Said
from ledger.formats.cid import RAW, Cid
from ledger.formats.edges.receipts import EdgeReceipt
from ledger.formats.signatures import worked_ahead
from ledger.history.agreement import Contradiction, Told, contradiction
from ledger.history.convicted import start_of
from ledger.history.state import JobState
from ledger.jobs.document import MAX_SIZE, Job, parse
from ledger.rounds.facts import Base, read_model
from ledger.rounds.weights import weighs

if TYPE_CHECKING:
    from ledger.platforms.roots import PlatformRoots

CHECKED = (
    Check.SIGNED,
    Check.HEADS,
    Check.JOB,
    Check.INITIAL,
    Check.BYTES,
    Check.ADMISSION,
    Check.AGGREGATE,
    Check.ATTESTATION,
    Check.SCORES,
    Check.MASKS,
    Check.EDGES,
    Check.COURT,
)
"""Checks that are made for each job: without one there is nothing to check."""

AHEAD = 16
"""Rounds whose receipts are read ahead: other threads check their signatures while one round is made again."""


class JobRounds(NamedTuple):
    """Rounds of a job to check; `signed_to` and `scorable` as the audit found them."""

    signed_to: int
    document: Job
    state: JobState
    numbers: tuple[int, ...]
    scorable: bool


Elsewhere = Callable[[JobRounds], Generator[Found | None, None, None]]
"""Has rounds checked by others than this process: what they found of each, in order; None for one to check here."""


@dataclass
class Audit(Context):
    """One audit. `documents` are those of the jobs that it could read; `signed` says how far the history is signed;
    `roots` are those that the auditor trusts to speak for hardware, `receipts` those of edges that children show.

    Rounds of sealed jobs are checked here and never `elsewhere`: keys stay in this process.
    """

    documents: dict[int, Job] = field(default_factory=dict)
    signed: SignedTo | None = None
    elsewhere: Elsewhere | None = None
    roots: "PlatformRoots | None" = None
    receipts: tuple[EdgeReceipt, ...] = ()

    def run(self, observed: Observed, scope: Scope) -> None:
        """Make all checks for the jobs and rounds in `scope`."""
        self._code(observed)
        self._source(observed)
        self.found.verify(Check.LOG, self.history.applied)
        for check in CHECKED:
            self.found.verify(check, 0)
        self.signed = check_signed(self)
        if self.signed is None:
            return
        for number, rounds in scope.jobs.items():
            self._job(self.history.jobs[number], rounds, observed)
        for receipt in self.receipts:
            self._receipt(receipt)

    def report(self, question: Question, read: HistoryRead, network: str, consortium: str) -> Report:
        """The answers to a question, once its checks were made. `network` is a name, `consortium` an address."""
        found, claims = self.found, standing(self.history, self._weighed)
        return Report(
            asked=question.asked,
            network=network,
            chain=self.place.chain,
            consortium=consortium,
            ledger=self.place.contract,
            history=self._signed(read),
            right=is_right(found, question, self.history, claims),
            lies=who_lied(found),
            open=what_is_open(found),
            rests_on=tuple(found.rests_on),
            passed=dict(found.passed),
            skipped=tuple(found.skipped),
            measured=found.newest_measured,
            platforms=tuple(looked_at(self, self.roots)) if found.platforms else (),
        )

    def _job(self, state: JobState, rounds: tuple[int, ...], observed: Observed) -> None:
        if not is_the_contracts_log(self, state, observed):
            return
        document = self._document(state)
        if document is None:
            return
        self.documents[state.number] = document
        self._initial(state, document)
        self._beginning(state)
        scorable = has_set(self, state, document)
        audit_segments(self, state, document, rounds)
        if self.elsewhere is None or document.sealed is not None or self.children:
            check_rounds(self, state, document, rounds, scorable=scorable)
        else:
            job = JobRounds(self.signed_to, document, state, rounds, scorable)
            self._checked_elsewhere(job, self.elsewhere)
        check_convictions(self, state, document, rounds)
        self.found.looked_at.add(job_claim(state.number))

    def _receipt(self, receipt: EdgeReceipt) -> None:
        state = self.history.jobs.get(receipt.job)
        document = None if state is None else self.documents.get(receipt.job) or self._document(state)
        if document is None:
            why = "the job's document could not be read" if state else "the ledger has no such job"
            self.leave_open(Check.EDGES, f"the receipt of child {receipt.party}", why)
        else:
            audit_receipt(self, receipt, document)

    def _checked_elsewhere(self, job: JobRounds, elsewhere: Elsewhere) -> None:
        """Take in what others found, and check here what they did not."""
        with closing(elsewhere(job)) as answers:
            for number, found in zip(job.numbers, answers, strict=True):
                if found is None:
                    check_rounds(self, job.state, job.document, (number,), scorable=job.scorable)
                else:
                    self.found.add(found)

    def _signed(self, read: HistoryRead) -> HistoryRead:
        """The history that was read, and how far it is signed."""
        if self.signed is None:
            return read
        return msgspec.structs.replace(read, signed=self.signed.signed, after=self.signed.after)

    def _weighed(self, job: int) -> bool:
        """Whether a job's past scores weigh in its models."""
        document = self.documents.get(job)
        return document is not None and weighs(document)

    def _code(self, observed: Observed) -> None:
        """CODE: a server that serves other code than the pinned is not believed in anything."""
        for contract, (expected, actual) in observed.code.items():
            if expected == actual:
                self.found.verify(Check.CODE)
                continue
            why = "it is not the one pinned in the network file; ask another endpoint"
            told = {"expected": expected, "actual": actual}
            self.leave_open(Check.CODE, f"the code of {contract} on chain", why, fault=CHAIN_NODE, **told)
            self.found.doubted.add(None)

    def _source(self, observed: Observed) -> None:
        if observed.source is None:
            self.found.skipped.append(Check.SOURCE)
            self.leave_open(Check.SOURCE, "the contracts' sources", "they were not compiled: left out")
        elif isinstance(observed.source, str):
            self.leave_open(Check.SOURCE, "the contracts' sources", observed.source)
        else:
            for contract, same in observed.source.items():
                if same:
                    self.found.verify(Check.SOURCE)
                else:
                    why = f"the code of {contract} on chain is not these sources compiled"
                    self.found.denied.setdefault(CODE, why)

    def _document(self, state: JobState) -> Job | None:
        cid = Cid(RAW, state.digest)
        try:
            document = parse(b"".join(bytes(piece) for piece in self.fetch(cid, 0, MAX_SIZE + 1)))
        except Unavailable as error:
            self._unknown(state, Check.JOB, "the job's document", error, cid)
            return None
        except Malformed as error:
            self._false(state, Check.JOB, f"the approved document is not a job: {error}", cid, proposed(state))
            return None
        found = contradiction(document, state, self.history.masks.get(state.number))
        if found is not None and not found.may_follow(state):
            self._disagree(state, found, cid)
            return None
        self.found.verify(Check.JOB)
        return document

    def _disagree(self, state: JobState, found: Contradiction, cid: Cid) -> None:
        """The document says something else than the proposer told the contract."""
        why = str(found)
        if found.said is not None and found.kept is not None:
            why = f"document and contract disagree on the {found.what}: {_shown(found.said)}; and {_shown(found.kept)}"
        masks = self.history.masks.get(state.number)
        if found.what in ("masks", "costs") and not 0 < state.opened_in <= self.signed_to:
            self._on_the_nodes_word(state, why, cid)
            return
        said = configured(state, masks) if found.what == "masks" and masks else proposed(state)
        if found.what == "costs" and state.spending:
            said = priced(state, state.spending)
        self._false(state, Check.JOB, why, cid, said)

    def _on_the_nodes_word(self, state: JobState, why: str, cid: Cid) -> None:
        """What was told of masks and costs stands in calls of their own, which name the job by its number alone: a
        node could leave one out, or show it for another job, but under a signed head."""
        claim = job_claim(state.number)
        what = f"what its proposer told the contracts of {claim}"
        detail = {"job": state.number, "cid": str(cid), "touches": (claim,)}
        self.leave_open(Check.JOB, what, f"{why}; {UNSIGNED}", **detail)

    def _initial(self, state: JobState, document: Job) -> None:
        base = Base(0, document.initial_root, document.initial_cid)
        try:
            for piece in read_model(self.place, state, document, base, self.fetch):
                self.progress(len(piece))
        except Unavailable as error:
            self._unknown(state, Check.INITIAL, "the initial model", error, base.cid)
        except Malformed as error:
            self._false(state, Check.INITIAL, f"the initial model is another: {error}", base.cid, proposed(state))
        else:
            self.found.verify(Check.INITIAL)

    def _beginning(self, state: JobState) -> None:
        """A job that begins from a false model of another is told: that is no false statement, of anybody."""
        found = start_of(self.history.jobs.values(), state)
        if found is not None:
            why = f"{found.text}: whether its members want that is theirs to say; no claim of it hangs on that"
            self.leave_open(Check.COURT, f"the beginning of {job_claim(state.number)}", why, job=state.number)

    def _unknown(self, state: JobState, check: Check, what: str, error: Unavailable, cid: Cid) -> None:
        """Bytes that the proposer and the approvers owe."""
        claim, proposer = job_claim(state.number), self.describe(state.proposer)
        detail = {"job": state.number, "cid": str(cid), "fault": proposer, "touches": (claim,)}
        self.leave_open(check, f"{what} of {claim}", f"it could not be had: {error}", **detail)

    def _false(self, state: JobState, check: Check, why: str, cid: Cid, said: Said) -> None:
        """What the proposer said of a job is false."""
        claim = job_claim(state.number)
        detail = {"why": why, "job": state.number, "cid": str(cid), "touches": (claim,)}
        self.convict(said, claim, state_of_proposal(state), check, (), **detail)


def check_rounds(audit: Context, state: JobState, document: Job, numbers: Iterable[int], *, scorable: bool) -> None:
    """Check rounds of a job, with their scores. None depends on another: each takes the models before it as given."""
    audits = (RoundAudit(audit, state, document, state.rounds[number]).read_ahead() for number in numbers)
    for one in worked_ahead(RoundAudit.certify, audits, AHEAD, audit.threads):
        one.run()
        if audit.children:
            audit_sums(audit, one.facts)
        ScoresAudit(audit, state, document, one.round, scorable=scorable).run()


def _shown(terms: Told) -> str:
    fields = msgspec.structs.asdict(terms).items()
    return ", ".join(f"{name} {value.hex() if isinstance(value, bytes) else value}" for name, value in fields)
