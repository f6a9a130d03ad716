"""What the outcome of a masked round is made of beside its updates: the cast, the set, and what takes off the masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger.errors import Refuted, Unavailable
from ledger.formats.cid import of_file
from ledger.history.state.masking import JobMasks, RoundMasks, SegmentState
from ledger.jobs.document import Job
from ledger.masks.groups import Groups, group_of, groups_of, in_play
from ledger.masks.keys import Cast
from ledger.masks.reveals import cast_of
from ledger.masks.secret import Secret
from ledger.masks.setup import SetupFile
from ledger.masks.sums import Masks, unmasking
from ledger.rounds.admission import Decision, Verdict
from ledger.rounds.facts import RoundFacts
from ledger.rounds.inputs import Fetch
from ledger.rounds.masking.answers import RoundSecretsShown, secrets_of
from ledger.rounds.masking.inputs import MaskedInputs, Summand
from ledger.rounds.masking.noise import noise_room
from ledger.rounds.masking.setups import cast_files


class NotShown(Unavailable):
    """The ledger does not show by now what makes a round's sum: it has no set, or too few answers."""


class SummedGroup(NamedTuple):
    """The members of a set that are in one group, number `number` from 1; 0 is the whole set of a job without groups.

    `masks` take the masks off their sum.
    """

    number: int
    members: frozenset[int]
    masks: Masks


@dataclass(frozen=True, slots=True)
class MaskedSum:
    """A round's fixed set, out of its segment's cast with its `groups`. `summed` are its groups, with what takes the
    masks off the sum of each; None where they can never be taken off: see `why`.
    """

    cast: frozenset[int]
    set: frozenset[int]
    groups: Groups
    files: Mapping[int, SetupFile] = field(repr=False)
    seeds: Mapping[int, Secret] = field(repr=False)
    summed: tuple[SummedGroup, ...] | None = field(repr=False)
    why: str = ""

    def decision(self, index: int, judged: Decision) -> Decision:
        """What becomes of a member's update, by what its weight and its bytes lead to."""
        if judged.verdict in (Verdict.UNAVAILABLE, Verdict.WEIGHT):
            return judged
        if index not in self.cast:
            return Decision(Verdict.CAST)
        if judged.verdict is Verdict.ADMITTED and index not in self.set:
            return Decision(Verdict.SET)
        return judged

    def pads(self, round_: int, member: int) -> Cast:
        """The round keys that a member's masks are made with: those of its group."""
        return pads_of(self.files, self.groups, round_, member)

    def inputs(self, facts: RoundFacts, fetch: Fetch, only: Sequence[SummedGroup] = ()) -> MaskedInputs:
        """What the round's model is made of, or the sums of some groups `only`. Raises ValueError where the masks can
        never be taken off.
        """
        if self.summed is None:
            raise ValueError("a sum under its masks makes no model")
        groups = only or self.summed
        members = sorted(member for one in groups for member in one.members)
        place = {member: number for number, member in enumerate(members)}
        parts = [_part(facts.job, one, place) for one in groups]
        chosen = [facts.round.updates[member] for member in members]
        cids, weights = [of_file(one.cid, facts.update_size) for one in chosen], [one.weight for one in chosen]
        job = facts.job
        return MaskedInputs(job.layout, facts.base.cid, cids, weights, fetch, parts, job.admission, job.aggregation)


def _part(job: Job, group: SummedGroup, place: Mapping[int, int]) -> Summand:
    """A group's updates, at their places among those that are summed."""
    places = tuple(place[member] for member in sorted(group.members))
    return Summand(places, group.masks, group.number, noise_room(job, len(places)))


def masked_sum(facts: RoundFacts, fetch: Fetch, files: Mapping[int, SetupFile] | None = None) -> MaskedSum | None:
    """What a masked round's outcome is made of; None of an open job's. `files` are the set-up files of the cast, where
    they were read.

    Raises NotShown where no set is fixed, or too few shares were shown to take the masks off, and Unavailable where a
    set-up file is not at hand.
    """
    if facts.job.masked is None:
        return None
    masks, opened, said = board_of(facts)
    if opened is None or opened.cast is None or said is None or said.set is None:
        raise NotShown(f"no set is fixed for round {facts.round.number}", job=facts.round.job)
    cast, chosen = opened.cast, said.set
    try:
        files = files or cast_files(facts.place, facts.round.job, masks, opened, fetch)
    except Refuted as error:
        why = f"the cast is not one to be agreed with: {error.message}"
        return MaskedSum(cast, chosen, (), {}, {}, None, why)
    groups = groups_of(files, facts.job.masked.groups, facts.job.masked.smallest)
    shown = secrets_of(said, needed_files(files, groups, chosen), opened.setups)
    if shown.lost:
        return MaskedSum(cast, chosen, groups, files, shown.seeds, None, _lost(shown))
    if shown.wanting:
        member, more = min(shown.wanting.items())
        raise NotShown("too few shares were given to take the masks off the sum", member=member, needed=more)
    summed = _summed(facts, groups, files, shown, chosen)
    return MaskedSum(cast, chosen, groups, files, shown.seeds, summed)


def grouped_inputs(facts: RoundFacts, fetch: Fetch) -> MaskedInputs | None:
    """What the groups of a masked round have brought, each by its sum; None where it has no sum. Raises as
    `masked_sum`.
    """
    summed = masked_sum(facts, fetch)
    return None if summed is None or summed.summed is None else summed.inputs(facts, fetch)


def needed_files(files: Mapping[int, SetupFile], groups: Groups, chosen: frozenset[int]) -> dict[int, SetupFile]:
    """The set-up files of those of whom a secret is asked: of a group that a set has nobody of, nothing is."""
    wanted = in_play(groups, chosen)
    return {member: file for member, file in files.items() if member in wanted}


def asked_files(job: Job, said: RoundMasks, files: Mapping[int, SetupFile]) -> dict[int, SetupFile]:
    """The same of a round's set, `files` being those of the cast; nobody's where no set is fixed."""
    masked = job.masked
    groups = groups_of(files, masked.groups, masked.smallest) if masked is not None else ()
    return needed_files(files, groups, said.set or frozenset())


def group_files(job: Job, files: Mapping[int, SetupFile], member: int) -> dict[int, SetupFile]:
    """The set-up files of the members that one of the cast masks with: those of its group."""
    masked = job.masked
    groups = groups_of(files, masked.groups, masked.smallest) if masked is not None else ()
    return {one: files[one] for one in sorted(group_of(groups, member))}


def pads_of(files: Mapping[int, SetupFile], groups: Groups, round_: int, member: int) -> Cast:
    """The round keys that the masks of a member of the cast are made with: those of its group."""
    group = group_of(groups, member)
    return cast_of({one: files[one] for one in sorted(group)}, round_)


def _summed(
    facts: RoundFacts,
    groups: Groups,
    files: Mapping[int, SetupFile],
    shown: RoundSecretsShown,
    chosen: frozenset[int],
) -> tuple[SummedGroup, ...]:
    numbered = bool(facts.job.masked and facts.job.masked.groups)
    made = []
    for number, group in enumerate(groups, 1):
        members = group & chosen
        if members:
            pads = pads_of(files, groups, facts.round.number, min(members))
            seeds = {member: shown.seeds[member] for member in members}
            keys = {member: shown.keys[member] for member in group - members}
            made.append(SummedGroup(number if numbered else 0, members, unmasking(pads, members, seeds, keys)))
    return tuple(made)


def board_of(facts: RoundFacts) -> tuple[JobMasks, SegmentState | None, RoundMasks | None]:
    """What the ledger says of a masked round: its job's masks, its segment, its set; None for what there is not yet.

    Raises Unavailable where nobody configured the job's masks: members approve no such job.
    """
    if facts.masks is None:
        raise Unavailable(f"the masks of job {facts.round.job} are not configured on the ledger")
    number = facts.round.number
    return facts.masks, facts.masks.segment_of(number), facts.masks.rounds.get(number)


def fixed_receipts(said: RoundMasks | None) -> bytes | None:
    """The SHA-256 of the receipts file that a round's fixed set was proposed under; None without a set.

    The round's aggregate names this file and no other.
    """
    return None if said is None or said.set is None else said.proposals[-1].receipts


def _lost(shown: RoundSecretsShown) -> str:
    members = ", ".join(str(member) for member in sorted(shown.lost))
    return f"the masks cannot be taken off: what was dealt makes another secret than that of member {members}"
