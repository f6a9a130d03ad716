"""What a member does next for the masks of its jobs: pure decisions over the ledger's history and the chain's clock.

They go on beside the rounds: a segment is set up while a round of the one before it runs, so several steps may be due
at once. The contract says what is allowed (contracts/interfaces/IMaskBoard.sol), docs/spec/masks.md what an honest
member does within it. Times are seconds of the chain's clock; a deadline's own second is in time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ledger.events.records import Role
from ledger.formats.text import clock_text
from ledger.history.fold import History
from ledger.history.state import JobState, Member, Round
from ledger.history.state.masking import JobMasks, MaskProposal, RoundMasks, SegmentState
from ledger.masks.segment import sound_keys
from ledger.rounds.depth import DeepBlock
from ledger.rounds.steps import COURTESY, STILL, Name, Nudge, Wait, numbered

RoundKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class RegisterKey:
    """Put a mask key on the ledger: the one of `point` at home, or a new one where that is None."""

    point: bytes | None = None


@dataclass(frozen=True, slots=True)
class SetUpSegment:
    """Draw the secrets of a segment, keep them, and publish the set-up file."""

    job: int
    segment: int


@dataclass(frozen=True, slots=True)
class AgreeCast:
    """Come to the cast that was proposed in transaction `proposal`, and agree, if it is the same."""

    job: int
    segment: int
    proposal: bytes


@dataclass(frozen=True, slots=True)
class AgreeSet:
    """Come to the set that was proposed in transaction `proposal`, and agree, if it is the same."""

    job: int
    round: int
    proposal: bytes


@dataclass(frozen=True, slots=True)
class Unmask:
    """Show the own self seed of a round, and the shares of round keys of those of the cast outside of the set."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class GiveShares:
    """Show shares of what is still missing to unmask the round's sum."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class OpenMasked:
    """Show the own round key of a round whose sum was one that no admissible updates have."""

    job: int
    round: int


NOTHING = Wait("nothing to do for the masks")
MaskStep = SetUpSegment | AgreeCast | AgreeSet | Unmask | GiveShares | OpenMasked


@dataclass(frozen=True, slots=True)
class MemberSituation:
    """What a decision depends on besides the history.

    `now` is the chain's clock; `deep` the latest block that anything may rest on that is shown or signed; `still` for
    how many seconds the chain made no further block. `unable` says of steps why this member does not take them. `owed`
    are rounds (job, round) of which shares of this member's are still asked for, `asked` those that members are to
    open. `name` is what members are called.
    """

    now: int
    deep: DeepBlock
    still: int = 0
    unable: Mapping[MaskStep, str] = field(default_factory=dict)
    owed: frozenset[RoundKey] = frozenset()
    asked: frozenset[RoundKey] = frozenset()
    name: Name = numbered


@dataclass(frozen=True, slots=True)
class DueSteps:
    """Steps to take now, the most urgent first, and what is waited for besides: the soonest first."""

    steps: tuple[MaskStep | Nudge, ...] = ()
    waits: tuple[Wait, ...] = ()

    @property
    def wait(self) -> Wait:
        """What is waited for where no step is due."""
        return self.waits[0] if self.waits else NOTHING


def key_step(history: History, me: str, keys: frozenset[bytes], sealed: bool = False) -> RegisterKey | None:
    """Whether the member with the key `me` is to register a mask key, by the points of those that it has at `keys`.

    A participant has a key on the ledger before its first masked job is open, takes another where its home has lost
    that one, and registers one that was made to rotate. So it does where a `sealed` job goes on: its slips are for
    these keys.
    """
    member = history.member_of(me)
    if member is None or member.key != me or not member.has(Role.PARTICIPANT):
        return None
    if not sealed and not _masked_jobs(history):
        return None
    mine = [one.key for one in history.mask_keys if one.index == member.index]
    for point in sorted(keys.difference(mine)):
        return RegisterKey(point)
    return None if mine and mine[-1] in keys else RegisterKey()


def _masked_jobs(history: History) -> list[int]:
    """The jobs under masks that go on."""
    return [number for number in history.masks if not _is_over(history.jobs[number])]


def _is_over(state: JobState) -> bool:
    return state.closed or (state.complete and (state.current is None or state.current.phase.terminal))


def due_steps(history: History, state: JobState, me: str, at: MemberSituation) -> DueSteps:
    """What the member with the key `me` does now for the masks of a job."""
    member, masks = history.member_of(me), history.masks.get(state.number)
    if member is None or member.key != me or masks is None or not state.open:
        return DueSteps()
    of = _Decision(history, state, masks, member, at)
    found = [*_round_steps(of), *_opening_steps(of), *_segment_steps(of)]
    steps = [one for one in found if not isinstance(one, Wait) and (isinstance(one, Nudge) or one not in at.unable)]
    waits = [one for one in found if isinstance(one, Wait)]
    waits += [Wait(at.unable[one]) for one in found if not isinstance(one, Wait | Nudge) and one in at.unable]
    waits.sort(key=lambda wait: (wait.until is None, wait.until or 0))
    return DueSteps(tuple(steps), tuple(waits))


@dataclass(frozen=True, slots=True)
class _Decision:
    """What the decisions of a job look at."""

    history: History
    state: JobState
    masks: JobMasks
    member: Member
    at: MemberSituation

    def deep(self, block: int) -> bool:
        return block <= self.at.deep.number


Found = Iterator[MaskStep | Nudge | Wait]


def _round_steps(of: _Decision) -> Found:
    """Set and answers of the present round, until it has ended."""
    round_ = of.state.current
    said = of.masks.rounds.get(round_.number) if round_ is not None else None
    if round_ is None or said is None or round_.phase.terminal or of.member.since > round_.epoch:
        return
    if said.set is None:
        yield from _agree_set(of, round_, said)
    elif not of.deep(said.fixed_in):
        yield _deepen(of, f"answers for round {round_.number} after", round_, said.unmask_deadline)
    else:
        yield from _answers(of, round_, said)


def _agree_set(of: _Decision, round_: Round, said: RoundMasks) -> Found:
    what, last = f"the set of round {round_.number}", _proposed(said.proposals, of)
    if last is None:
        return
    if of.member.index in last.agreeing:
        yield Wait(f"other members agree with {what}", last.deadline + 1)
    elif not of.deep(max(last.block, round_.opened_in)):
        yield _deepen(of, f"looks at {what} after", round_, last.deadline)
    else:
        yield AgreeSet(of.state.number, round_.number, last.tx)


def _answers(of: _Decision, round_: Round, said: RoundMasks) -> Found:
    number, now = round_.number, of.at.now
    if now <= said.unmask_deadline:
        if of.member.index in (said.set or frozenset()) - said.answers.keys():
            yield Unmask(of.state.number, number)
        else:
            yield Wait(
                f"members unmask round {number}, until {clock_text(said.unmask_deadline)}", said.unmask_deadline + 1
            )
    elif now <= said.share_deadline and (of.state.number, number) in of.at.owed:
        yield GiveShares(of.state.number, number)


def _opening_steps(of: _Decision) -> Found:
    """A member opens its update of the round whose set was the last, until there is another."""
    number = max(of.masks.rounds, default=0)
    said, round_ = of.masks.rounds.get(number), of.state.rounds.get(number)
    if said is None or round_ is None or not round_.phase.terminal or (of.state.number, number) not in of.at.asked:
        return
    mine = of.member.index in (said.set or frozenset()) - said.shown.keys()
    if not mine or of.member.since > round_.epoch:
        return
    if of.deep(round_.ended_in):
        yield OpenMasked(of.state.number, number)
    else:  # who does not open in time is convicted, whatever the chain waits for
        yield _deepen(
            of, f"opens its update of round {number} after", round_, of.at.now + of.masks.terms.unmask_seconds
        )


def _segment_steps(of: _Decision) -> Found:
    """The set-up of each segment that has no cast yet; of a job one at a time can have any."""
    for segment in of.masks.segments.values():
        if segment.cast is None:
            yield from _set_up(of, segment)
            yield from _agree_cast(of, segment)


def _set_up(of: _Decision, segment: SegmentState) -> Found:
    index, what = of.member.index, f"segment {segment.number}"
    if of.at.now > segment.deadline or index not in segment.roster or not of.member.has(Role.PARTICIPANT):
        return
    sound = sound_keys((one.index, one.key) for one in segment.keys)
    if index in of.state.withdrawn_by(segment.block):
        yield Wait(f"{what} goes on without this member: it withdrew its data", segment.deadline + 1)
    elif index not in sound:
        yield Wait(f"{what} goes on without this member: its mask key is not one that counts", segment.deadline + 1)
    elif index in segment.setups:
        yield Wait(f"other members set up {what}, until {clock_text(segment.deadline)}", segment.deadline + 1)
    else:
        yield SetUpSegment(of.state.number, segment.number)


def _agree_cast(of: _Decision, segment: SegmentState) -> Found:
    what, last = f"the cast of segment {segment.number}", _proposed(segment.proposals, of)
    if last is None or of.member.since > segment.epoch:
        return
    if of.member.index in last.agreeing:
        yield Wait(f"other members agree with {what}", last.deadline + 1)
    elif not of.deep(last.block):
        yield _deepen(of, f"looks at {what} after", of.state.current, last.deadline)
    else:
        yield AgreeCast(of.state.number, segment.number, last.tx)


def _proposed(proposals: list[MaskProposal], of: _Decision) -> MaskProposal | None:
    """What may be agreed with now."""
    last = proposals[-1] if proposals else None
    return last if last is not None and of.at.now <= last.deadline else None


def _deepen(of: _Decision, what: str, round_: Round | None, deadline: int) -> Nudge | Wait:
    """The chain makes the blocks that are waited for; one that stands still is nudged, in the order of the round."""
    number = round_.number if round_ is not None else 0
    members = [member.index for member in of.history.members.values() if member.active]
    rank = (members.index(of.member.index) + number) % len(members)
    left = STILL + COURTESY * rank - of.at.still
    if left <= 0:
        return Nudge(of.state.number, number)
    return Wait(f"{what} further blocks of the chain", min(of.at.now + left, deadline + 1))


def not_masked(history: History, state: JobState, round_: Round, member: Member, deep: DeepBlock) -> str:
    """Why a member brings nothing to a round of a masked job now; empty where it may, and for another job.

    An update under masks of a cast that a fork takes back would stay under them, and its member has no second one.
    """
    masks = history.masks.get(state.number)
    if masks is None:
        return ""
    segment, name = masks.segment_of(round_.number), f"round {round_.number}"
    if segment is None or segment.cast is None:
        return f"{name} has no cast yet; nothing is brought to it"
    if member.index not in segment.cast:
        return f"this member is not in the cast of segment {segment.number}; it sits {name} out"
    if segment.fixed_in > deep.number:
        return f"{name} waits until the cast of segment {segment.number} is deep in the chain"
    return ""
