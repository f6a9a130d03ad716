"""One job's next step, decided and carried out: what stands between the pure decision and chain and store."""

from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import UsageError
from ledger.formats.cid import Cid
from ledger.history.fold import History
from ledger.history.state import JobState, Round
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.copies import Copies, left_out, model_pin
from ledger.party.journal import Journal
from ledger.party.watch import clock, runnable
from ledger.rounds.admission import Verdict
from ledger.rounds.outcome import Outcome, base_of, recompute
from ledger.rounds.steps import Abandon, Wait
from participant.node.evidence import against
from participant.node.steps import Attest, Hold, NodeSituation, Submit, next_step
from participant.node.updates import Prepared, prepare, prepared_before, store
from participant.tasks.data.version import file_version
from participant.tasks.machine import Machine

if TYPE_CHECKING:
    from ledger.chain.sender import Sender
    from participant.tasks.training import Local


class Worker:
    """Does steps for jobs, as one member. Remembers nothing that matters."""

    def __init__(
        self, connection: Connection, sender: "Sender", journal: Journal, data: Path, machine: Machine
    ) -> None:
        self._connection, self._sender, self._journal, self._data = connection, sender, journal, data
        self._machine = machine
        self._copies = Copies(connection)
        self._locals: dict[bytes, Local] = {}
        self._unfit: dict[tuple[int, int], str] = {}
        self._version = file_version(data)
        self._held: set[tuple[int, int]] = set()

    @property
    def key(self) -> str:
        """The address of the key it acts with."""
        return self._sender.address

    def advance(self, history: History, state: JobState, since: int, now: int) -> Wait | None:
        """Take the job's next step; the Wait where there is none to take now.

        Raises Rejected where the contract refuses (most often: another was faster), Unavailable and Malformed where
        the job's document, its model or an update's bytes stand in the way.
        """
        step = self.decide(history, state, now)
        match step:
            case Wait():
                return step
            case Submit():
                self._submit(state, state.rounds[step.round])
            case Attest():
                self._attest(state, state.rounds[step.round], step)
            case Abandon():
                self._sender.send("ledger", "abandonRound", state.number, step.round)
                self.note("abandoned", state, f"round {step.round} abandoned", round=step.round)
            case Hold():
                self._copies.round(self.document(state), state.rounds[step.round])
                self._held.add((step.job, step.round))
        return None

    def decide(self, history: History, state: JobState, now: int) -> "Submit | Attest | Abandon | Hold | Wait":
        """The job's next step. Data that were mended are tried again."""
        if file_version(self._data) != self._version:
            self._unfit, self._version = {}, file_version(self._data)
        return next_step(history, state, self._sender.address, NodeSituation(now, self._unfit, frozenset(self._held)))

    def note(self, action: str, state: JobState, text: str, **facts: object) -> None:
        """Write an action of a job down."""
        self._journal.note(action, f"job {state.number}: {text}", job=state.number, **facts)

    def document(self, state: JobState) -> Job:
        """The job's document, kept, its terms those of the contract."""
        job = runnable(self._connection, state)
        self._copies.job(state, job)
        return job

    def _submit(self, state: JobState, round_: Round) -> None:
        """Train, store, register: in this order, so that what is registered can be had."""
        job = self.document(state)
        try:
            update = self._prepared(state, job, round_)
        except UsageError as error:
            self._unfit[round_.job, round_.number] = error.message
            raise
        if not self._still(Submit(round_.job, round_.number)):
            self.note("late", state, f"round {round_.number} went on without this update", round=round_.number)
            return
        self._sender.send(
            "ledger", "submitUpdate", state.number, round_.number, update.weight, update.root, update.cid.digest
        )
        facts = {"round": round_.number, "weight": update.weight, "root": update.root.hex(), "cid": str(update.cid)}
        loss = f", loss {update.loss:.4f}" if update.loss is not None else ""
        text = f"round {round_.number}: update registered, {update.weight} samples{loss}"
        self.note("submitted", state, text, loss=update.loss, metrics=update.metrics, device=update.device, **facts)

    def _prepared(self, state: JobState, job: Job, round_: Round) -> Prepared:
        """The update, in the own store: from before a crash, or trained now."""
        base = base_of(state, job, round_.number)
        self._copies.base(state, job, base)
        found = prepared_before(self._connection, job, round_, self._sender.address, base)
        if found is not None:
            return found
        if job.digest not in self._locals:
            from participant.tasks.training import Local

            self._locals = {job.digest: Local.of(job, self._machine)}
        made = prepare(self._connection, state, job, round_, self._sender.address, self._locals[job.digest], self._data)
        if made.decision.verdict is not Verdict.ADMITTED:
            raise UsageError(
                "this update would be refused, so it is not registered",
                advice="the job's limits and its training do not fit these data; the next round is tried again",
                verdict=made.decision.verdict.name,
                because=made.decision.message,
            )
        return store(self._connection, job, round_, made)

    def _attest(self, state: JobState, round_: Round, step: Attest) -> None:
        """Recompute with the bytes of every update that can be had. Raises Unavailable where that is not enough."""
        job = self.document(state)
        self._copies.base(state, job, base_of(state, job, round_.number))
        missing = self._copies.updates(job, round_)
        outcome = self._recompute(state, job, round_, left_out(round_, missing))
        if not self._still(step):
            return
        self._sender.send("ledger", "attest", step.job, step.round, step.attempt, outcome.claim)
        aggregate = round_.aggregates[-1]
        agrees = outcome.claim == aggregate.claim
        text, evidence = "attested", {}
        if not agrees:
            evidence = against(self._connection, state, job, round_, outcome)
            who = self._connection.name(aggregate.index)
            text = f"attested against {who}: {evidence['message']}"
        self.note(
            "attested" if agrees else "refuted",
            state,
            f"round {step.round}, attempt {step.attempt}: {text}",
            round=step.round,
            attempt=step.attempt,
            claim=outcome.claim.hex(),
            published=aggregate.claim.hex(),
            verdicts={str(j.update.index): j.decision.verdict.name for j in outcome.judged},
            reasons={str(j.update.index): j.decision.message for j in outcome.judged if j.decision.message},
            evidence=evidence,
        )

    def _recompute(self, state: JobState, job: Job, round_: Round, without: frozenset[int]) -> Outcome:
        connection, kept = self._connection, model_pin(state.number, round_.number)

        def keep(pieces: object) -> Cid:
            return connection.put(pieces, kept)  # type: ignore[arg-type]

        return recompute(connection.place, state, job, round_, connection.fetch, without=without, keep=keep)

    def _still(self, step: Submit | Attest) -> bool:
        """Look at the ledger again: the work took its time. Whether the step is still the one to take."""
        history = self._connection.refresh()
        state = history.jobs.get(step.job)
        return state is not None and self.decide(history, state, clock(self._connection.client)) == step
