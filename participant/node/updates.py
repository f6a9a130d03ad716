"""An update from training to the own store, in a form that survives a crash at any point.

The stored file and the weight in its pin's name are all that registering needs; so a node killed after it stored does
not train again, and one killed before trains to the same bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats import merkle
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.formats.digest import encode, sha256
from ledger.formats.header import Binding
from ledger.formats.unixfs import cid_of
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.pins import trained_pin, weight_of
from ledger.rounds.admission import Decision, Verdict, judge_bytes
from ledger.rounds.facts import RoundFacts, update_binding
from participant.integers.artifacts import file_of, root_of
from participant.measuring.evaluation import read
from participant.tasks.machine import Machine

if TYPE_CHECKING:
    from participant.tasks.training import Local, Trained


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is registered of an update. The rest is known only where it was trained just now."""

    weight: int
    root: bytes
    cid: Cid
    loss: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """An update that is trained and judged, but not stored."""

    trained: "Trained"
    file: tuple[Buffer, ...]
    root: bytes
    cid: Cid
    decision: Decision

    @property
    def weight(self) -> int:
        return self.trained.weight


def seed_of(job: bytes, round_: int, member: int) -> int:
    """The random seed of a member's training in a round: 63 bits that nobody chooses. `job` is its digest.

    By member index, not by key: the same job on the same data makes the same models, with any keys.
    """
    return int.from_bytes(sha256(encode(["training seed", job.hex(), round_, member]))[:8], "big") >> 1


class Updates:
    """Makes the updates of the party with the key `party`, on the data in a file. A job's task is loaded once."""

    def __init__(self, connection: Connection, party: str, data: Path, machine: Machine) -> None:
        self._connection, self._party, self._data, self._machine = connection, party, data, machine
        self._locals: dict[bytes, Local] = {}

    def prepare(self, facts: RoundFacts) -> Prepared:
        """The round's update, in the own store: from before a crash, or trained now.

        Raises as `make`, and UsageError for an update that would be refused.
        """
        binding = self._binding(facts)
        found = self._find(facts, binding)
        if found is not None:
            return found
        made = self._make(facts, binding, keep=True)
        if made.decision.verdict is not Verdict.ADMITTED:
            raise UsageError(
                "this update would be refused, so it is not registered",
                advice="the job's limits and its training do not fit these data; the next round is tried again",
                verdict=made.decision.verdict.name,
                because=made.decision.message,
            )
        cid = self._connection.put(made.file, trained_pin(facts.job.digest, facts.round.number, made.weight))
        trained = made.trained
        return Prepared(made.weight, made.root, cid, trained.result.loss, dict(trained.result.metrics), trained.device)

    def make(self, facts: RoundFacts, *, keep: bool = True) -> Made:
        """Fetch the round's base model, train, and judge the update as everyone will; the update is not stored.

        With `keep` false nothing is left in the job's scratch folder either.

        Raises Unavailable or Malformed for the base model, UsageError for task, data, or values without integers.
        """
        return self._make(facts, self._binding(facts), keep=keep)

    def _make(self, facts: RoundFacts, binding: Binding, *, keep: bool) -> Made:
        job, local, seed = facts.job, self._local(facts.job), self._seed(facts)
        base = read(self._connection, facts.state, job, facts.base)
        trained = local.train(base, self._data, facts.round.number, seed, keep=keep)
        root = root_of(trained.update)
        file = tuple(file_of(job.layout, binding, trained.update))
        decision = judge_bytes(iter(file), job.layout, binding, root, job.admission)
        return Made(trained, file, root, cid_of(file)[0], decision)

    def _find(self, facts: RoundFacts, binding: Binding) -> Prepared | None:
        """The update that was stored for this very round before a crash, checked; None where there is none."""
        connection, job = self._connection, facts.job
        if connection.store is None:
            return None
        for pin, cid in reversed(connection.store.pins().items()):
            weight = weight_of(pin, job.digest, facts.round.number)
            if weight is None or not 1 <= weight <= job.admission.max_weight:
                continue
            try:
                leaves = job.layout.leaf_hashes(connection.fetch(cid, 0, facts.size + 1), binding)
            except (Malformed, Unavailable):
                continue
            return Prepared(weight, merkle.root(leaves), cid)
        return None

    def _binding(self, facts: RoundFacts) -> Binding:
        return update_binding(facts.place, facts.round, self._party, facts.base)

    def _seed(self, facts: RoundFacts) -> int:
        member = self._connection.history.member_of(self._party)
        if member is None:
            raise UsageError("this key does not belong to a member", key=self._party)
        return seed_of(facts.job.digest, facts.round.number, member.index)

    def _local(self, job: Job) -> "Local":
        if job.digest not in self._locals:
            from participant.tasks.training import Local

            self._locals = {job.digest: Local.of(job, self._machine)}
        return self._locals[job.digest]
