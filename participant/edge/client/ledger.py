"""What a client with a chain node makes sure of, besides what it checks of bytes."""

from ledger.errors import Refuted, Unavailable
from ledger.events.records import Role
from ledger.history.phases import present
from ledger.history.state import Phase
from ledger.party.connection import Connection
from ledger.rounds.facts import base_of, binding_of_base
from participant.edge.client.checks import Verified
from participant.edge.documents import EdgeTasks


class LedgerChecks:
    """Holds an edge's tasks against the ledger, as anyone can look at it (`Connection.visit`)."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def check_edge(self, tasks: EdgeTasks) -> None:
        """1. The edge names this chain and ledger, and 2. its key speaks for that member, a participant.

        Raises Refuted, Unavailable where the chain cannot be read.
        """
        place, history = self.connection.place, self.connection.refresh()
        _same("chain", place.chain, tasks.chain)
        _same("ledger", place.contract, tasks.ledger)
        member = history.members.get(tasks.edge)
        _same("key of the edge's member", member.key if member else "no such member", tasks.key)
        if member is None or not member.has(Role.PARTICIPANT):
            raise Refuted("the edge's member is not a participant", member=tasks.edge)

    def check_task(self, of: Verified) -> None:
        """3. Members opened the job with this document; 4. this round of it collects, and 5. builds on this model.

        Raises Refuted; Unavailable where the own node does not show the round yet.
        """
        history, task = self.connection.history, of.task
        state = history.jobs.get(task.job)
        if state is None:
            raise Unavailable("the ledger has no such job, as far as the own node shows", job=task.job)
        _same("document of the job", state.digest.hex(), task.digest)
        if not state.open:
            raise Refuted("the members did not open this job", job=task.job)
        round_ = state.current
        if round_ is None or round_.number < task.round:
            raise Unavailable("the ledger has no such round, as far as the own node shows", round=task.round)
        phase = present(round_, state.terms, self.connection.time()).phase
        if round_.number != task.round or phase is not Phase.COLLECTING:
            raise Refuted("this round does not collect", expected=f"round {round_.number}", actual=task.round)
        base = base_of(state, of.job, task.round)
        builds_on = binding_of_base(of.place, state, of.job, base).base
        _same("base model's round", base.round, task.base.round)
        _same("base model's root", base.root.hex(), task.base.root)
        _same("base model's CID", str(base.cid), task.base.cid)
        _same("model that the base builds on", builds_on.hex(), task.base.builds_on)


def _same(what: str, expected: object, actual: object) -> None:
    if expected != actual:
        raise Refuted(f"the edge names another {what} than the ledger", expected=expected, actual=actual)
