"""An edge's watch over the ledger: which rounds it collects for, told to its desk; a thread of its own."""

import time

from ledger.errors import FedledgerError, UsageError
from ledger.formats.edges.members import MAX_SIZE as MAX_LIST
from ledger.formats.text import plural
from ledger.history.fold import History
from ledger.history.state import JobState, Member
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.journal import Journal
from ledger.party.nodes.looking import Looking
from ledger.party.pins import base_pin, edge_members_pin
from ledger.rounds.facts import Base, read_model
from participant.edge.collecting import Collecting, collecting, collects, is_edge
from participant.edge.desk import EdgeDesk
from participant.edge.documents import EdgeTasks
from participant.edge.lists import MemberLists

KEPT = 3
"""Rounds of a job whose updates' bytes stay in the edge's folder; the store keeps them, too."""
PATIENCE = 60.0
"""Seconds in which a base model is had."""


class EdgeWatch:
    """Looks at the ledger at least every `poll` seconds until it is closed. `key` is the member's."""

    def __init__(self, connection: Connection, key: str, desk: EdgeDesk, journal: Journal, poll: float) -> None:
        self._connection, self._key, self._desk = connection, key, desk
        self._journal = journal
        self._lists = MemberLists(connection)
        self._ready: dict[tuple[int, int, bytes], Collecting] = {}
        self._troubles: dict[str, str] = {}
        self.looking = Looking(
            connection.follower, self.look, lambda error: self._trouble("chain", error), poll, "edge watch"
        )

    def look(self) -> None:
        """One look. Raises Unavailable where the chain cannot be read, UsageError for a key of no member."""
        history, now = self._connection.refresh(), self._connection.time()
        member = history.member_of(self._key)
        if member is None:
            advice = "fedledger status lists the members and their keys"
            raise UsageError("this home's key does not speak for a member", advice=advice, key=self._key)
        known: dict[tuple[int, int], Collecting] = {}
        jobs: list[JobState] = []
        for state in history.jobs.values():
            job = self._job(state)
            if job is None or not is_edge(job, member):
                continue
            jobs.append(state)
            at = self._collecting(state, job, member, now)
            if at is not None:
                known[at.key] = at
        self._desk.know(self._tasks(history, member, jobs, known, now), known, now)
        self._forget(jobs)

    def _job(self, state: JobState) -> Job | None:
        """An open job's document; None where it cannot be had now."""
        if not state.open:
            return None
        try:
            return self._connection.document(state)
        except FedledgerError as error:
            self._trouble(f"job {state.number}", error)
            return None

    def _collecting(self, state: JobState, job: Job, member: Member, now: int) -> Collecting | None:
        """The job's round that collects, once all is here that clients need; None where there is none."""
        round_ = collects(state, job, member, now)
        if round_ is None:
            return None
        try:
            members = self._lists.of(job).children_of(member.index)
            at = collecting(self._connection.place, state, job, round_, member.index, members)
            self._prepare(state, job, at)
        except FedledgerError as error:
            self._trouble(f"job {state.number}", error)
            return None
        self._trouble(f"job {state.number}", None)
        return at

    def _prepare(self, state: JobState, job: Job, at: Collecting) -> None:
        """Have the base model in the own store, whole and right, before any client asks for it."""
        key = (*at.key, at.base.root)
        if key in self._ready:
            return
        self._keep(at.base, state.number, job)
        self._keep_lists(at)
        for _ in read_model(at.place, state, job, at.base, self._connection.fetch):
            pass
        self._ready = {known: one for known, one in self._ready.items() if known[0] != key[0]} | {key: at}
        text = f"job {key[0]}: round {key[1]}: collects updates of {plural(len(at.members), 'client')}"
        self._journal.note("collects", text, job=key[0], round=key[1], base=at.base.root.hex(), closes=at.closes)

    def _keep(self, base: Base, number: int, job: Job) -> None:
        self._connection.keep(
            base.cid, base_pin(number, base), limit=job.layout.size, deadline=time.monotonic() + PATIENCE
        )

    def _keep_lists(self, at: Collecting) -> None:
        """All member lists that the sum is judged by: another edge that shows its own no longer stops nobody else."""
        for index in (one for one in at.hierarchy.indices if one <= at.edge):
            cid, pin = at.hierarchy.list_cid(index), edge_members_pin(at.round.job, index)
            self._connection.keep(cid, pin, limit=MAX_LIST, deadline=time.monotonic() + PATIENCE)

    def _tasks(
        self,
        history: History,
        member: Member,
        jobs: list[JobState],
        known: dict[tuple[int, int], Collecting],
        now: int,
    ) -> EdgeTasks:
        place, why = self._connection.place, ""
        if not jobs:
            why = "no open job names this member as an edge"
        elif not known:
            why = "no round of its collects now"
        return EdgeTasks(
            fedledger="edge-tasks/1",
            chain=place.chain,
            ledger=place.contract,
            edge=member.index,
            key=member.key,
            complete=bool(jobs) and all(state.complete for state in jobs),
            why=why,
            tasks=tuple(at.task(now) for at in known.values()),
        )

    def _forget(self, jobs: list[JobState]) -> None:
        """Delete the bytes of rounds that are long over, summed or not."""
        for state in jobs:
            for number in range(max(1, len(state.rounds) - 2 * KEPT), len(state.rounds) - KEPT + 1):
                if number in state.rounds and state.rounds[number].phase.terminal:
                    self._desk.folder.round(state.number, number).forget_bytes()

    def _trouble(self, what: str, error: FedledgerError | None) -> None:
        """Say once what is wrong, and once that it is over."""
        message = error.message if error else ""
        if message == self._troubles.get(what, ""):
            return
        self._troubles[what] = message
        text = f"{what}: {message}" if message else f"{what}: well again"
        self._journal.note("failed" if error else "recovered", text, error)
