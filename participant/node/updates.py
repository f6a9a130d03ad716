"""An update from training to the home's drawer, in a form that survives a crash at any point.

A node killed after it kept its update and the opening commits to that; one killed before trains to the same bytes, and
the salt follows from them. Nothing of it is in the store that others read before the round's updates are opened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats.artifact import Buffer
from ledger.formats.cid import of_file
from ledger.formats.claims import UpdateOpening, commitment
from ledger.formats.digest import encode, sha256
from ledger.formats.header import Binding
from ledger.formats.unixfs import cid_of
from ledger.history.state import Member
from ledger.party.connection import Connection
from ledger.party.pins import update_pin
from ledger.party.seals.drawer import Drawer
from ledger.party.sharing.openings import Openings
from ledger.rounds.admission import Decision, UpdateReading, Verdict, judge_values
from ledger.rounds.facts import RoundFacts, update_binding
from ledger.rounds.masking.reading import MaskedReading
from ledger.seals.keys import UpdateName
from participant.integers.artifacts import UpdateFile
from participant.integers.fixed_point import Stream
from participant.measuring.evaluation import read
from participant.node.masking.masked import OwnMasks
from participant.node.sealed import judge_sealed, seal_update
from participant.node.trainings import Trainings
from participant.rows.records import RowRecords
from participant.trainer.errand import Errand
from participant.trainer.messages import TrainedUpdate, number
from participant.trainer.trainers import PROMPT, WHOLE_DAY


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

    trained: TrainedUpdate
    leaves: tuple[bytes, ...]
    weight: int
    values: Stream
    binding: Binding
    decision: Decision

    @property
    def loss(self) -> float:
        """The mean loss of the last epoch."""
        return number(self.trained.loss)

    @property
    def metrics(self) -> dict[str, float]:
        """What training said besides."""
        return {name: number(text) for name, text in self.trained.metrics.items()}


def seed_of(job: bytes, round_: int, member: int) -> int:
    """The random seed of a member's training in a round: 63 bits that nobody chooses. `job` is its digest.

    By member index, not by key: the same job on the same data makes the same models, with any keys.
    """
    return int.from_bytes(sha256(encode(["training seed", job.hex(), round_, member]))[:8], "big") >> 1


class Updates:
    """Makes the updates of the party with the key `party`, by trainings in processes of their own."""

    def __init__(self, connection: Connection, party: str, trainings: Trainings) -> None:
        self._connection, self._party, self._trainings = connection, party, trainings
        self._openings, self._rows = Openings(connection.folder), RowRecords(trainings.rows)
        self._drawer = Drawer(connection.folder)

    def prepare(
        self, facts: RoundFacts, data: Path, seconds: float, masking: OwnMasks | None = None
    ) -> Prepared | None:
        """The round's update, kept in the home: from before a crash, or trained now, within `seconds`; None while it is
        trained. With `masking` it is under masks; only one is, ever.

        Raises as `make`, UsageError for an update that would be refused or was masked and is lost, Unavailable where
        the disk does not take it.
        """
        found = self._find(facts) if masking is None else self._masked_before(facts, masking)
        if found is not None:
            return Prepared(found)
        if not self._begin(facts, data, seconds, keep=True).wait(PROMPT):
            return None
        made = self._taken(facts)
        if made.decision.verdict is not Verdict.ADMITTED:
            raise UsageError(
                "this update would be refused, so nothing is committed to",
                advice="the job's limits and its training do not fit these data; the next round is tried again",
                verdict=made.decision.verdict.name,
                because=made.decision.message,
            )
        self._keep_rows(facts, made.leaves)
        opening = self._kept(facts, made, masking)
        return Prepared(opening, made.loss, made.metrics, made.trained.device)

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

    def make(self, facts: RoundFacts, data: Path) -> Made:
        """Fetch the round's base model, train, and judge the update as everyone will; nothing is stored, and nothing is
        left in the job's scratch folder.

        Raises Unavailable or Malformed for the base model, UsageError for task, data, or values without integers.
        """
        self._begin(facts, data, WHOLE_DAY, keep=False).wait(WHOLE_DAY)
        return self._taken(facts)

    def _begin(self, facts: RoundFacts, data: Path, seconds: float, *, keep: bool) -> Errand:
        """The round's training, begun where it is not under way."""
        found = self._trainings.of(facts)
        if found is not None:
            return found
        seed = seed_of(facts.job.digest, facts.round.number, self._member().index)
        base = read(self._connection, facts.state, facts.job, facts.base)
        return self._trainings.begin(facts, base, data, seed, seconds, keep=keep)

    def _taken(self, facts: RoundFacts) -> Made:
        """What was trained, bound to the rows that it was trained on, and judged."""
        job = facts.job
        trained, update, leaves = self._trainings.take(facts)
        tree = self._rows.draw(job).tree(facts.round.number, leaves)
        binding = self._binding(facts).on(len(tree.trained), tree.root)
        decision = judge_values(update, job.admission)
        weight = min(trained.weight, job.admission.cap(self._member().index))
        return Made(trained, leaves, weight, update, binding, decision)

    def _kept(self, facts: RoundFacts, made: Made, masking: OwnMasks | None) -> UpdateOpening:
        """Keep an update with its opening; under masks, which one was kept first is the round's."""
        layout = facts.job.layout
        if facts.job.sealed is not None:
            file = seal_update(self._drawer, facts, made.binding, made.values)
        elif masking is None:
            file = UpdateFile.of(layout, made.binding, made.values)
        else:
            file = masking.mask(layout, made.binding, made.values, made.weight)
        opening = self._openings.salted(facts.name, self._party, made.weight, file.root, file.cid.digest)
        self._openings.keep(facts.name, opening, file.pieces)
        if masking is None or masking.use_up(own := commitment(facts.name, opening)) == own:
            return opening
        found = self._masked_before(facts, masking)
        if found is None:
            raise Unavailable("the folder of masks lost a file while it was used")
        return found

    def _masked_before(self, facts: RoundFacts, masking: OwnMasks) -> UpdateOpening | None:
        """The update that was masked for this round before; None where none was.

        Raises UsageError as `OwnMasks.kept`, and where that update is not here any more, whole.
        """
        digest = masking.kept()
        if digest is None:
            return None
        for opening in self._openings.find(facts.name):
            if commitment(facts.name, opening) == digest and self._is_whole(facts, opening):
                return opening
        raise UsageError(
            "the update that was masked for this round is lost, and no second one is ever masked",
            advice="this member sits the round out, and takes part in the next; look after the disk of its home",
            commitment=digest.hex(),
        )

    def _keep_rows(self, facts: RoundFacts, leaves: tuple[bytes, ...]) -> None:
        """Keep what opens the update's rows. Raises Unavailable."""
        index, number = self._member().index, facts.round.number
        if any(index in one.commitments for one in facts.state.rounds.values() if one.number < number):
            self._rows.note_training_before(facts.job)
        self._rows.keep(facts.job, leaves)

    def _find(self, facts: RoundFacts) -> UpdateOpening | None:
        """The update that was kept for this very round before a crash, its bytes checked; None where there is none."""
        for opening in reversed(self._openings.find(facts.name)):
            if opening.party == self._party and self._is_whole(facts, opening):
                return opening
        return None

    def _is_whole(self, facts: RoundFacts, opening: UpdateOpening) -> bool:
        job, size, binding = facts.job, facts.update_size, self._binding(facts)
        cid = of_file(opening.cid, size)
        try:
            if self._openings.is_shown(facts.name, opening):
                pieces = list(self._connection.fetch(cid, 0, size + 1))
            else:
                pieces = [bytes(piece) for piece in self._openings.update(facts.name, opening)]
            if job.sealed is not None:
                return self._is_whole_sealed(facts, opening, pieces)
            reading = UpdateReading if job.masked is None else MaskedReading
            pass_over = reading(job.layout, binding, opening.root, job.admission, lambda _: iter(pieces))
            decision = pass_over.judge()
        except (Malformed, Unavailable):
            return False
        return decision.verdict is Verdict.ADMITTED and cid_of(pieces)[0] == cid

    def _is_whole_sealed(self, facts: RoundFacts, opening: UpdateOpening, pieces: Sequence[Buffer]) -> bool:
        """Whether the own sealed update is what its opening says, and its key or a slip for it is here. Raises as
        `judge_sealed`.
        """
        name = UpdateName(facts.name, self._party)
        key = self._drawer.own_key(name, opening.cid)
        if key is None:
            return bool(self._drawer.of(name, opening.cid)) and cid_of(pieces)[0].digest == opening.cid
        decision = judge_sealed(key, facts, self._binding(facts), opening.root, pieces)
        return decision.verdict is Verdict.ADMITTED and cid_of(pieces)[0].digest == opening.cid

    def _binding(self, facts: RoundFacts) -> Binding:
        return update_binding(facts.place, facts.round, self._party, facts.base, facts.job.update_kind)

    def _member(self) -> Member:
        member = self._connection.history.member_of(self._party)
        if member is None:
            raise UsageError("this key does not belong to a member", key=self._party)
        return member
