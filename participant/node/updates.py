"""An update from training to the home's drawer, in a form that survives a crash at any point.

A node killed after it kept its update and the opening commits to that; one killed before trains to the same bytes, and
the salt follows from them. Nothing of it is in the store that others read before the round's updates are opened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid, of_file
from ledger.formats.claims import UpdateOpening, commitment
from ledger.formats.digest import encode, sha256
from ledger.formats.header import Binding
from ledger.formats.unixfs import cid_of
from ledger.history.state import Member
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.pins import update_pin
from ledger.party.sharing.openings import Openings
from ledger.rounds.admission import Decision, Verdict, judge_bytes
from ledger.rounds.facts import RoundFacts, update_binding
from participant.integers.artifacts import file_of, root_of
from participant.measuring.evaluation import read
from participant.tasks.machine import Machine

if TYPE_CHECKING:
    from participant.tasks.training import Local, Trained


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is committed to. The rest is known only where it was trained just now."""

    opening: UpdateOpening
    loss: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """An update that is trained and judged, but not stored."""

    trained: "Trained"
    weight: int
    file: tuple[Buffer, ...]
    root: bytes
    cid: Cid
    decision: Decision


def seed_of(job: bytes, round_: int, member: int) -> int:
    """The random seed of a member's training in a round: 63 bits that nobody chooses. `job` is its digest.

    By member index, not by key: the same job on the same data makes the same models, with any keys.
    """
    return int.from_bytes(sha256(encode(["training seed", job.hex(), round_, member]))[:8], "big") >> 1


class Updates:
    """Makes the updates of the party with the key `party`, on the data in a file. A job's task is loaded once."""

    def __init__(self, connection: Connection, party: str, data: Path, machine: Machine) -> None:
        self._connection, self._party, self._data, self._machine = connection, party, data, machine
        self._openings = Openings(connection.folder)
        self._locals: dict[bytes, Local] = {}

    def prepare(self, facts: RoundFacts) -> Prepared:
        """The round's update, kept in the home: from before a crash, or trained now.

        Raises as `make`, UsageError for an update that would be refused, Unavailable where the disk does not take it.
        """
        binding = self._binding(facts)
        found = self._find(facts, binding)
        if found is not None:
            return Prepared(found)
        made = self._make(facts, binding, keep=True)
        if made.decision.verdict is not Verdict.ADMITTED:
            raise UsageError(
                "this update would be refused, so nothing is committed to",
                advice="the job's limits and its training do not fit these data; the next round is tried again",
                verdict=made.decision.verdict.name,
                because=made.decision.message,
            )
        said = (self._party, made.weight, made.root, made.cid.digest)
        opening = self._openings.salted(facts.name, *said)
        self._openings.keep(facts.name, opening, made.file)
        trained = made.trained
        return Prepared(opening, trained.result.loss, dict(trained.result.metrics), trained.device)

    def committed(self, facts: RoundFacts) -> UpdateOpening | None:
        """The opening of the commitment that stands on the ledger; None where this home does not have it."""
        made = next((one for one in facts.round.commitments.values() if one.party == self._party), None)
        kept = self._openings.find(facts.name)
        return next((one for one in kept if made is not None and commitment(facts.name, one) == made.digest), None)

    def show(self, facts: RoundFacts, opening: UpdateOpening) -> None:
        """Let everyone see an update that was committed to: its bytes are in the store first, then its opening is at
        the gateway. Raises Unavailable where the disk does not take it.
        """
        if self._openings.is_shown(facts.name, opening):
            return
        pin = update_pin(facts.round.job, facts.round.number, self._member().index)
        self._connection.put(self._openings.update(facts.name, opening), pin)
        self._openings.show(facts.name, opening)

    def make(self, facts: RoundFacts, *, keep: bool = True) -> Made:
        """Fetch the round's base model, train, and judge the update as everyone will; the update is not stored.

        With `keep` false nothing is left in the job's scratch folder either.

        Raises Unavailable or Malformed for the base model, UsageError for task, data, or values without integers.
        """
        return self._make(facts, self._binding(facts), keep=keep)

    def _make(self, facts: RoundFacts, binding: Binding, *, keep: bool) -> Made:
        job, local, member = facts.job, self._local(facts.job), self._member()
        seed = seed_of(job.digest, facts.round.number, member.index)
        base = read(self._connection, facts.state, job, facts.base)
        trained = local.train(base, self._data, facts.round.number, seed, keep=keep)
        root = root_of(trained.update)
        file = tuple(file_of(job.layout, binding, trained.update))
        decision = judge_bytes(iter(file), job.layout, binding, root, job.admission)
        weight = min(trained.weight, job.admission.cap(member.index))
        return Made(trained, weight, file, root, cid_of(file)[0], decision)

    def _find(self, facts: RoundFacts, binding: Binding) -> UpdateOpening | None:
        """The update that was kept for this very round before a crash, its bytes checked; None where there is none."""
        for opening in reversed(self._openings.find(facts.name)):
            if opening.party == self._party and self._is_whole(facts, binding, opening):
                return opening
        return None

    def _is_whole(self, facts: RoundFacts, binding: Binding, opening: UpdateOpening) -> bool:
        job, cid = facts.job, of_file(opening.cid, facts.size)
        try:
            if self._openings.is_shown(facts.name, opening):
                pieces = list(self._connection.fetch(cid, 0, facts.size + 1))
            else:
                pieces = [bytes(piece) for piece in self._openings.update(facts.name, opening)]
            decision = judge_bytes(iter(pieces), job.layout, binding, opening.root, job.admission)
        except (Malformed, Unavailable):
            return False
        return decision.verdict is Verdict.ADMITTED and cid_of(pieces)[0] == cid

    def _binding(self, facts: RoundFacts) -> Binding:
        return update_binding(facts.place, facts.round, self._party, facts.base)

    def _member(self) -> Member:
        member = self._connection.history.member_of(self._party)
        if member is None:
            raise UsageError("this key does not belong to a member", key=self._party)
        return member

    def _local(self, job: Job) -> "Local":
        if job.digest not in self._locals:
            from participant.tasks.training import Local

            self._locals = {job.digest: Local.of(job, self._machine)}
        return self._locals[job.digest]
