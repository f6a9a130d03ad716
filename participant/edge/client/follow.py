"""A client at work: it asks its edge for tasks, verifies them, trains, sends, and keeps the receipt."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from ledger.errors import Refuted, Unavailable, UsageError, plain
from ledger.formats.cid import Cid
from ledger.formats.edges.members import MAX_SIZE as MAX_LIST
from ledger.formats.edges.receipts import EdgeReceipt
from ledger.formats.text import plural
from ledger.jobs.document import MAX_SIZE as MAX_JOB
from ledger.jobs.document import Job
from ledger.rounds.facts import Place
from participant.edge.client.checks import Verified, check_list, read_base, read_job, read_receipt
from participant.edge.client.home import ClientHome, KeptRound, KnownEdge
from participant.edge.client.ledger import LedgerChecks
from participant.edge.client.road import EdgeRoad, pause_after, until
from participant.edge.client.training import UnfitUpdate
from participant.edge.documents import EdgeTasks, RoundTask, SignedUpdate, parse_tasks
from participant.edge.refusals import NothingThere, RoundClosed, TakenAlready, UpdateRefused

RETRY = 1.0
"""Seconds between two tries of what failed."""


class Trains(Protocol):
    """What makes a round's update: trained, kept in the client's home, signed."""

    def update(self, of: Verified, seconds: float) -> SignedUpdate: ...


@dataclass(frozen=True, slots=True)
class ClientGoal:
    """When a client is done: after so many rounds of its own, or when the edge's jobs are complete. `job` is the only
    one that it takes part in, `digest` what its document must have; None and empty for any.
    """

    rounds: int | None = None
    job: int | None = None
    digest: str = ""
    edge_key: str = ""


ANY = ClientGoal()


class EdgeClient:
    """Follows one edge. `ledger` checks what only a chain node can show; `say` is told what happens."""

    def __init__(
        self,
        home: ClientHome,
        party: str,
        road: EdgeRoad,
        training: Trains,
        say: Callable[..., None],
        *,
        ledger: LedgerChecks | None = None,
        goal: ClientGoal = ANY,
        poll: float = 2.0,
    ) -> None:
        self._home, self._party, self._road, self._training = home, party, road, training
        self._say, self._ledger, self._goal, self._poll = say, ledger, goal, poll
        self._over: set[tuple[int, int]] = set()
        self._told, self._settled = "", False
        self.receipts: list[EdgeReceipt] = []

    def run(self) -> None:
        """Work until the goal is reached. An edge that cannot be reached is asked again.

        Raises Refuted where the edge says what is not so, UsageError where this client cannot take part.
        """
        while not self._is_done():
            try:
                tasks = self.look()
                self._settled = self._settled or self._recover(tasks)
            except Unavailable as error:
                self._tell("waiting", f"waits for the edge: {error.message}")
                time.sleep(pause_after(error, self._poll))
                continue
            if self._is_done():
                return
            if tasks.complete and not tasks.tasks:
                self._say("complete", "every job of the edge is complete")
                return
            task = self._next(tasks)
            if task is None:
                self._tell("waiting", "waits for a round" + (f": {plain(tasks.why)[:300]}" if tasks.why else ""))
                time.sleep(self._poll)
                continue
            self._told = ""
            self._work(tasks, task)

    def look(self) -> EdgeTasks:
        """The edge's tasks, held against what is known of it. Raises as `run`, and Unavailable."""
        tasks = parse_tasks(self._road.tasks())
        known = self._home.edge()
        confirmed = self._goal.edge_key
        if confirmed and confirmed != tasks.key:
            raise Refuted("the edge has another key than was named", expected=confirmed, actual=tasks.key)
        if self._ledger is not None:
            self._ledger.check_edge(tasks)
        if known is None:
            self._home.know(KnownEdge.met(tasks))
            how = "as was named" if confirmed else "as the ledger has it" if self._ledger else "taken on its word"
            self._say("met", f"edge {tasks.edge} of ledger {tasks.ledger}, key {tasks.key}, {how}", key=tasks.key)
            return tasks
        if (confirmed or self._ledger is not None) and known.key != tasks.key:
            known = replace(known, key=tasks.key)
            self._home.know(known)
        known.check(tasks)
        return tasks

    def _recover(self, tasks: EdgeTasks) -> bool:
        """Ask for the receipts of updates that were sent before a crash, or whose answer was lost, in rounds that
        collect no more; whether all is settled. Raises Unavailable, Refuted.
        """
        collecting = {(task.job, task.round) for task in tasks.tasks}
        left = 0
        for kept in self._home.unanswered():
            signed = kept.signed()
            if signed is not None:
                left += (signed.job, signed.round) in collecting or not self._recovered(tasks, kept, signed)
        return not left

    def _recovered(self, tasks: EdgeTasks, kept: KeptRound, signed: SignedUpdate) -> bool:
        name, text = {"job": signed.job, "round": signed.round}, f"job {signed.job}: round {signed.round}"
        try:
            data = self._road.receipt(signed.job, signed.round, signed.party)
        except NothingThere as error:
            over = any(task.job == signed.job and task.round > signed.round for task in tasks.tasks)
            if not (over or tasks.complete):
                return False
            kept.give_up()
            self._say("missed", f"{text}: ended without this update", error, **name)
            return True
        receipt = read_receipt(data, signed, tasks.key)
        kept.keep_receipt(receipt)
        self.receipts.append(receipt)
        self._say("receipt", f"{text}: the edge's receipt, asked for again", **name)
        return True

    def _is_done(self) -> bool:
        return self._goal.rounds is not None and len(self.receipts) >= self._goal.rounds

    def _next(self, tasks: EdgeTasks) -> RoundTask | None:
        for task in tasks.tasks:
            if self._goal.job not in (None, task.job) or (task.job, task.round) in self._over:
                continue
            kept = self._home.round(task.job, task.round)
            if kept.receipt() is None and not kept.given_up:
                return task
        return None

    def _work(self, tasks: EdgeTasks, task: RoundTask) -> None:
        """One round, from task to receipt. What cannot be had or done in it ends it, and the next is tried."""
        ends, name = until(task.seconds), {"job": task.job, "round": task.round}
        try:
            receipt = self._answered(tasks, task, ends)
        except (RoundClosed, UnfitUpdate, UpdateRefused, Unavailable) as error:
            self._over.add((task.job, task.round))
            self._settled = False
            self._say("missed", f"job {task.job}: round {task.round}: {error.message}", error, **name)
            return
        self.receipts.append(receipt)
        text = f"job {task.job}: round {task.round}: the edge gave its receipt for {plural(receipt.weight, 'sample')}"
        self._say("receipt", text, **name, weight=receipt.weight, cid=receipt.cid)

    def _answered(self, tasks: EdgeTasks, task: RoundTask, ends: float) -> EdgeReceipt:
        kept = self._home.round(task.job, task.round)
        signed = kept.signed()
        if signed is None:
            verified = self._verified(tasks, task)
            self._say("trains", f"job {task.job}: trains for round {task.round}", job=task.job, round=task.round)
            signed = self._training.update(verified, max(ends - time.monotonic(), 1.0))
            size = verified.job.layout.size
        else:
            size = self._job(task).layout.size
        receipt = read_receipt(self._sent(kept, signed, size, ends), signed, tasks.key)
        kept.keep_receipt(receipt)
        return receipt

    def _sent(self, kept: KeptRound, signed: SignedUpdate, size: int, ends: float) -> bytes:
        """Send the update, the same as often as it takes while the round collects."""
        while True:
            try:
                return self._road.send(signed, kept.update(), size)
            except TakenAlready as error:
                taken = self._road.receipt(signed.job, signed.round, signed.party)
                raise UsageError(
                    "the edge took another update of this key in the round: two homes have the same key",
                    advice="run one client with a key; compare the receipt with what this home signed",
                    receipt=taken.decode(errors="replace")[:2000],
                    signed=signed.encode().decode(),
                ) from error
            except Unavailable as error:
                if time.monotonic() > ends:
                    raise
                self._tell("waiting", f"sends again: {error.message}")
                time.sleep(pause_after(error, RETRY))

    def _verified(self, tasks: EdgeTasks, task: RoundTask) -> Verified:
        """All that a client makes sure of before it trains. Raises Refuted, Malformed, UsageError, Unavailable."""
        job, place = self._job(task), Place(tasks.chain, tasks.ledger)
        check_list(task, tasks, job, self._road.document(task.members, MAX_LIST), self._party)
        data = self._road.model(Cid.parse(task.base.cid), job.layout.size)
        verified = Verified(place, tasks.edge, tasks.key, task, job, read_base(task, place, job, data))
        if self._ledger is not None:
            self._ledger.check_task(verified)
        return verified

    def _job(self, task: RoundTask) -> Job:
        """The job's document, asked for once, and pinned under its number."""
        if self._goal.digest and self._goal.digest != task.digest:
            raise Refuted("the job has another document than was named", expected=self._goal.digest, actual=task.digest)
        job = self._home.job(task.digest)
        if job is None:
            job = read_job(task, self._road.document(task.digest, MAX_JOB))
            self._home.keep_job(job)
            text = f'job {task.job}: "{job.name}", task {job.task.name}, document {task.digest}'
            self._say("job", text, job=task.job, digest=task.digest, code=job.task.code)
        self._pin(task)
        return job

    def _pin(self, task: RoundTask) -> None:
        known = self._home.edge()
        if known is not None and str(task.job) not in known.jobs:
            self._home.know(_with_job(known, task))

    def _tell(self, action: str, text: str) -> None:
        """Say what is waited for, once."""
        if text != self._told:
            self._told = text
            self._say(action, text)


def _with_job(known: KnownEdge, task: RoundTask) -> KnownEdge:
    return replace(known, jobs={**known.jobs, str(task.job): task.digest})
