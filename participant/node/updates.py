"""An update from training to the home's drawer, in a form that survives a crash at any point.

A node killed after it kept its update and the opening commits to that; one killed before trains to the same bytes, and
the salt follows from them. Nothing of it is in the store that others read before the round's updates are opened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from ledger.config import Home
from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats.artifact import Buffer
from ledger.formats.cid import of_file
from ledger.formats.claims import UpdateOpening, commitment
from ledger.formats.digest import sha256
from ledger.formats.header import Binding
from ledger.formats.sealed import HEAD
from ledger.formats.text import plural
from ledger.formats.unixfs import cid_of
from ledger.history.state import Member
from ledger.jobs.analysis import Analysis
from ledger.party.connection import Connection
from ledger.party.pins import platform_pin, update_pin
from ledger.party.seals.drawer import Drawer
from ledger.party.seals.reader import mask_keys_of
from ledger.party.sharing.openings import Openings
from ledger.rounds.admission import Decision, UpdateReading, Verdict, judge_values
from ledger.rounds.facts import RoundFacts, update_binding
from ledger.rounds.masking.reading import MaskedReading
from ledger.seals.keyring import find_key
from ledger.seals.keys import UpdateName, commitment_in
from ledger.statistics.table import answer_of
from ledger.store.disk import NotRead
from participant.edge.below import MadeBelow
from participant.integers.artifacts import UpdateFile
from participant.integers.fixed_point import Stream
from participant.measuring.evaluation import read
from participant.node.ahead import require_admitted
from participant.node.drift import Drifts
from participant.node.harvest import Shelf, committed_in_vain
from participant.node.masking.masked import OwnMasks
from participant.node.platform import platform_document
from participant.node.sealed import judge_sealed, seal_update
from participant.node.trainings import Trainings, seed_of
from participant.privacy.clipping import clipped
from participant.private.states import LostState, PrivateStates, Registered, keeps
from participant.rows.records import RowRecords
from participant.statistics.floors import require_floors
from participant.statistics.told import ToldFile
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

    @property
    def words(self) -> str:
        """What is said once it is committed to."""
        loss = f", loss {self.loss:.4f}" if self.loss is not None else ""
        return f"committed to an update, {plural(self.opening.weight, 'sample')}{loss}"

    @property
    def figures(self) -> Mapping[str, object]:
        """What is written down of it."""
        said = {"weight": self.opening.weight, "root": self.opening.root.hex(), "cid": self.opening.cid.hex()}
        return said | {"loss": self.loss, "metrics": self.metrics, "device": self.device}


@dataclass(frozen=True, slots=True)
class Made:
    """An update that is trained and judged, but not stored. `platform` is the document that its header names."""

    trained: TrainedUpdate
    leaves: tuple[bytes, ...]
    weight: int
    values: Stream
    binding: Binding
    decision: Decision
    platform: bytes = b""
    left: bytes = b""
    """The file of what stays at home, for the next round; empty where nothing does."""

    @property
    def loss(self) -> float:
        """The mean loss of the last epoch."""
        return number(self.trained.loss)

    @property
    def metrics(self) -> dict[str, float]:
        """What training said besides."""
        return {name: number(text) for name, text in self.trained.metrics.items()}


class Updates:
    """Makes the updates of the party with the key `party`, by trainings in processes of their own."""

    def __init__(self, connection: Connection, party: str, trainings: Trainings) -> None:
        self._connection, self._party, self._trainings = connection, party, trainings
        self._openings, self._rows = Openings(connection.folder), RowRecords(trainings.rows)
        self._drawer, self._states = Drawer(connection.folder), PrivateStates(connection.folder)
        self._drifts, self._lost = Drifts(connection), dict[tuple[int, int], LostState | None]()
        self.shelf, self._told = Shelf(connection.folder), ToldFile(connection.folder)

    def prepare(
        self, facts: RoundFacts, data: Path, seconds: float, masking: OwnMasks | None = None
    ) -> Prepared | None:
        """The round's update, kept in the home: from before a crash, or trained now, within `seconds`; None while it is
        trained. With `masking` it is under masks; only one is, ever.

        Raises as `make`, UsageError for an update that would be refused, was masked and is lost, or would tell of rows
        what others of this home did not (`participant.statistics.told`), Unavailable where the disk does not take it.
        """
        if facts.job.analysis is not None:
            self._require_answerable(facts.job.analysis)
        found = self._find(facts) if masking is None else self._masked_before(facts, masking)
        if found is not None and not self._is_spent(facts, found):
            return Prepared(found)
        if facts.job.buffered is not None:
            early = self._harvested(facts)
            if early is None:
                return None
            made = early
        elif self._begin(facts, data, seconds, keep=True).wait(PROMPT):
            made = self._taken(facts)
        else:
            return None
        require_admitted(made.decision)
        if facts.job.analysis is not None:
            told = answer_of(facts.job.analysis, made.values.tolist())
            noise = facts.job.row_noise.noise if facts.job.row_noise is not None else ""
            self._told.tell(facts.job.digest, facts.job.analysis, told, made.trained.asked, noise)
        self._keep_rows(facts, made.leaves)
        if made.platform:
            self._connection.put([made.platform], platform_pin(made.binding.platform))
        opening = self._kept(facts, made, masking)
        return Prepared(opening, made.loss, made.metrics, made.trained.device)

    def _require_answerable(self, analysis: Analysis) -> None:
        """Refuse an analysis below the home's own floors, and put on record what the ledger alone still knows was told.

        Raises UsageError; Unavailable and Malformed for documents of earlier jobs, and as `ToldFile.rebuild`.
        """
        require_floors(Home(self._connection.folder).settings().statistics, analysis)
        index, history = self._member().index, self._connection.history
        mine = [
            self._connection.documents.get(state)
            for state in history.jobs.values()
            if any(index in one.commitments for one in state.rounds.values())
        ]
        self._told.rebuild((job.digest, job.analysis) for job in mine if job.analysis is not None)

    def given(self, facts: RoundFacts, made: MadeBelow) -> Prepared:
        """An update that a job below made, kept as one that was trained here. Its header names the roots of that job's
        models, none held out, where another's names the rows that it was trained on.

        Raises UsageError for an update that would be refused, Unavailable where the disk does not take it.
        """
        found = self._find(facts)
        if found is not None:
            return Prepared(found)
        one = self._made(facts, facts.base.root, made.said, made.update, made.roots, b"", share=0)
        require_admitted(one.decision)
        if one.platform:
            self._connection.put([one.platform], platform_pin(one.binding.platform))
        return Prepared(self._kept(facts, one, None))

    def committed(self, facts: RoundFacts) -> UpdateOpening | None:
        """The opening of the member's commitment that stands on the ledger, under its present key or an earlier one;
        None where this home does not have it. A sealed one is shown under the key that made it, or never: the round
        hears slips by that key alone, and without them nobody could read what is opened.
        """
        made = facts.round.commitments.get(self._member().index)
        kept = self._openings.find(facts.name)
        found = next((one for one in kept if made is not None and commitment(facts.name, one) == made.digest), None)
        if found is None or facts.job.sealed is None or found.party == self._party:
            return found
        return found if self._openings.is_shown(facts.name, found) else None

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
        mark = self._states.mark(facts.state, facts.job, self._member().index, facts.round.number)
        found = self._trainings.of(facts, mark)
        if found is not None:
            return found
        own = self._own_before(facts)
        seed = seed_of(facts.job.digest, self._seeded_by(facts), self._member().index)
        base = read(self._connection, facts.state, facts.job, facts.base)
        drift = self._drifts.of(facts, self._member().index)
        return self._trainings.begin(facts, base, data, seed, seconds, keep=keep, drift=drift, own=own, mark=mark)

    def _seeded_by(self, facts: RoundFacts) -> int:
        """The round that the seed is of (`seed_of`)."""
        if facts.job.buffered is None:
            return facts.round.number
        base, index = facts.base.round, self._member().index
        return base + 1 + committed_in_vain(facts.state, index, base, facts.round.number)

    def _own_before(self, facts: RoundFacts) -> bytes:
        """The private tensors that the round is trained from: those of the last round that this member has a commitment
        in; empty for the common start, before the first such round and where they are lost. Raises Unavailable.
        """
        try:
            return self._states.before(facts.state, facts.job, self._member().index, facts.round.number)
        except LostState as error:
            self._lost.setdefault((facts.round.job, facts.round.number), error)
            return b""

    def _taken(self, facts: RoundFacts) -> Made:
        """What was trained, bound to the rows that it was trained on, and judged."""
        trained, update, leaves, left = self._trainings.take(facts)
        if facts.job.member_noise is not None:
            update = clipped(update, facts.job.member_noise, facts.job.admission)
        return self._made(facts, facts.base.root, trained, update, leaves, left)

    def _harvested(self, facts: RoundFacts) -> Made | None:
        """What was trained ahead of a buffered job's round, bound to it; None where nothing is left to be committed to.
        Raises Unavailable.
        """
        index, state, job = self._member().index, facts.state, facts.job
        head = self.shelf.head(state, job)
        if head is None or head.is_spent(state, index) or not head.is_usable(state, job):
            return None
        found = self.shelf.find(state, job)
        if found is None:
            return None
        return self._made(facts, bytes.fromhex(head.base_root), head.trained, found.values, found.leaves, b"")

    def _is_spent(self, facts: RoundFacts, found: UpdateOpening) -> bool:
        """Whether a buffered job's result that was bound to this round is in an earlier one: the chain was reorganised,
        and what came too late there came in time.
        """
        index, earlier = self._member().index, range(1, facts.round.number if facts.job.buffered else 1)
        updates = (facts.state.rounds[number].updates.get(index) for number in earlier)
        return any(one is not None and one.root == found.root for one in updates)

    def _made(
        self,
        facts: RoundFacts,
        base: bytes,
        trained: TrainedUpdate,
        update: Stream,
        leaves: tuple[bytes, ...],
        left: bytes,
        share: int | None = None,
    ) -> Made:
        job, draw = facts.job, self._rows.draw(facts.job)
        tree = (draw if share is None else draw._replace(share=share)).tree(facts.round.number, leaves)
        platform = platform_document(self._connection.folder)
        known = msgspec.structs.replace(self._binding(facts), base=base)
        binding = known.on(len(tree.trained), tree.root, sha256(platform) if platform else b"")
        decision = judge_values(update, job.admission)
        weight = min(trained.weight, job.admission.cap(self._member().index))
        return Made(trained, leaves, weight, update, binding, decision, platform, left)

    def _kept(self, facts: RoundFacts, made: Made, masking: OwnMasks | None) -> UpdateOpening:
        """Keep an update with its opening; under masks, which one was kept first is the round's."""
        if facts.job.sealed is not None:
            file = seal_update(self._drawer, facts, made.binding, made.values)
        elif masking is None:
            file = UpdateFile.of(facts.job.update_layout, made.binding, made.values)
        else:
            file = masking.mask(facts.job.layout, made.binding, made.values, made.weight)
        opening = self._openings.salted(facts.name, self._party, made.weight, file.root, file.cid.digest)
        self._keep_own(facts, made, opening)
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

    def newly_lost(self, facts: RoundFacts) -> LostState | None:
        """Why the round is trained from the start, where private tensors are lost; said once."""
        key = facts.round.job, facts.round.number
        error = self._lost.get(key)
        if error is not None:
            self._lost[key] = None
        return error

    def _keep_own(self, facts: RoundFacts, made: Made, opening: UpdateOpening) -> None:
        """Keep what stays at home, before its update is: an update that is kept is never trained again. Raises
        Malformed for what the trainer wrote, Unavailable.
        """
        if not keeps(facts.job):
            return
        job, number = facts.job, facts.round.number
        self._states.keep(job, Registered(facts.round.job, number, commitment(facts.name, opening)), made.left)
        self._states.sweep(job, facts.state, self._member().index, number)

    def _keep_rows(self, facts: RoundFacts, leaves: tuple[bytes, ...]) -> None:
        """Keep what opens the update's rows. Raises Unavailable."""
        index, number = self._member().index, facts.round.number
        if any(index in one.commitments for one in facts.state.rounds.values() if one.number < number):
            self._rows.note_training_before(facts.job)
        self._rows.keep(facts.job, leaves)

    def _find(self, facts: RoundFacts) -> UpdateOpening | None:
        """The update that was kept for this very round before a crash, its bytes checked; None where there is none.
        Raises NotRead.
        """
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
            said = (job.layout, binding, opening.root, job.admission, lambda _: iter(pieces))
            decision = reading(*said, packing=job.packing, ages=facts.ages).judge()
        except NotRead:  # it is here: what is masked is masked once, and would be called lost
            raise
        except (Malformed, Unavailable):
            return False
        return decision.verdict is Verdict.ADMITTED and cid_of(pieces)[0] == cid

    def _is_whole_sealed(self, facts: RoundFacts, opening: UpdateOpening, pieces: Sequence[Buffer]) -> bool:
        """Whether the own sealed update is what its opening says, and its key or a slip that opens it is here.

        Raises as `judge_sealed`, and as `mask_keys_of`.
        """
        name = UpdateName(facts.name, self._party)
        key = self._drawer.own_key(name, opening.cid)
        if key is None:
            said = commitment_in(b"".join(map(bytes, pieces[:1]))[:HEAD], name)
            slips, read_keys = self._drawer.of(name, opening.cid), mask_keys_of(self._connection.folder)
            key = find_key(name, opening.cid, said, slips, read_keys).key
        if key is None:
            return False
        decision = judge_sealed(key, facts, self._binding(facts), opening.root, pieces)
        return decision.verdict is Verdict.ADMITTED and cid_of(pieces)[0].digest == opening.cid

    def _binding(self, facts: RoundFacts) -> Binding:
        """What everyone knows of it: of a buffered job's not the base."""
        base = None if facts.job.buffered else facts.base
        return update_binding(facts.place, facts.round, self._party, base, facts.job.update_kind)

    def _member(self) -> Member:
        member = self._connection.history.member_of(self._party)
        if member is None:
            raise UsageError("this key does not belong to a member", key=self._party)
        return member
