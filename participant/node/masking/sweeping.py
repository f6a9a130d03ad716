"""Secrets of rounds that are over are deleted, and mask keys that nothing was dealt to any more (docs/spec/masks.md,
rule 7). A round is over once no fork brings it back, and no opening of it is asked for.
"""

from ledger.errors import FedledgerError, Malformed
from ledger.history.fold import History
from ledger.history.state import JobState, Round
from ledger.history.state.masking import SegmentState
from ledger.masks.segment import Segment
from ledger.party.connection import Connection
from ledger.party.seals.renewal import Renewal
from ledger.rounds.masking.convictions import MaskedJob
from participant.node.masking.home import MaskHome
from participant.node.masking.judging import Judging


class Sweeping:
    """Looks once in a block. What it remembers only spares work."""

    def __init__(self, home: MaskHome, judging: Judging, connection: Connection, renewal: Renewal) -> None:
        self._home, self._judging, self._connection = home, judging, connection
        self._renewal = renewal
        self._looked: dict[int, int] = {}
        self._gone: set[tuple[bytes, int]] = set()
        self._kept: dict[int, frozenset[bytes]] = {}

    def look(self, job: MaskedJob, member: int) -> int:
        """Delete what is over of a job; how many rounds' secrets those were. Raises as `Vault.read`."""
        tip, number = self._connection.follower.tip.number, job.state.number
        if self._looked.get(number) == tip:
            return 0
        self._looked[number] = tip
        needed, deleted = set[bytes](), 0
        for opened in job.masks.segments.values():
            try:
                segment = self._judging.segment(job.state, job.masks, opened)
            except Malformed:
                continue
            found, over = self._sweep(job, opened, segment, member)
            deleted += found
            if not over and member in segment.keys:
                needed.add(segment.keys[member])
        self._kept[number] = frozenset(needed)
        return deleted

    def sweep_keys(self, history: History, member: int) -> int:
        """Delete the private keys that were rotated, if no segment under way was dealt to them, once the slips at home
        that are for them were made again for the present one; how many those were.

        Before every masked job was looked at once, or while a round goes on that began before the rotation, nothing is
        deleted. Raises as `Vault.read`, and Unavailable where the disk does not take slips.
        """
        mine = [one for one in history.mask_keys if one.index == member]
        unlooked = {number for number in history.masks if history.jobs[number].open} - self._kept.keys()
        if not mine or unlooked or mine[-1].block > self._connection.deep().number:
            return 0
        keys = self._home.keys
        over = keys.points() & {one.key for one in mine} - {mine[-1].key}.union(*self._kept.values())
        if not over or any(_goes_on(state, since=mine[-1].block) for state in history.jobs.values()):
            return 0
        old, present = [key for point in sorted(over) if (key := keys.find(point))], keys.find(mine[-1].key)
        if present is None or not self._renewal.look(old, present):
            return 0
        return keys.delete(over)

    def _sweep(self, job: MaskedJob, opened: SegmentState, segment: Segment, member: int) -> tuple[int, bool]:
        """How many rounds' secrets were deleted, and whether all rounds of the segment are over."""
        if member not in segment.keys:
            return 0, True
        deep, deleted, over = self._connection.deep(), 0, 0
        if opened.cast and opened.fixed_in <= deep.number and (opened.tx, 0) not in self._gone:
            self._home.secrets.delete_others(segment, member)
            self._home.held.delete(segment)
            self._gone.add((opened.tx, 0))
        for number in range(segment.first, segment.first + segment.rounds):
            if not self._is_over(job, number):
                continue
            over += 1
            if (opened.tx, number) not in self._gone:
                deleted += self._delete(segment, member, number)
                self._gone.add((opened.tx, number))
        return deleted, over == segment.rounds

    def _delete(self, segment: Segment, member: int, number: int) -> bool:
        """What was made of a round's secrets goes first: killed in between, this is done again."""
        if self._home.secrets.of(segment, member, number) is None:
            return False
        self._home.answers.forget(segment.name(segment.place(number)))
        return self._home.secrets.delete(segment, member, number)

    def _is_over(self, job: MaskedJob, number: int) -> bool:
        deep, round_ = self._connection.deep(), job.state.rounds.get(number)
        last = job.state.current
        if round_ is None:
            done = job.state.complete and last is not None and last.phase.terminal and last.ended_in <= deep.number
            return done or (job.state.closed and job.state.closed_in <= deep.number)
        if not round_.phase.terminal or round_.ended_in > deep.number:
            return False
        return round_.final is not None or not self._may_open(job, round_, deep.time)

    def _may_open(self, job: MaskedJob, round_: Round, time: int) -> bool:
        """Whether the round's set may be asked to open still."""
        said = job.masks.rounds.get(round_.number)
        if said is None or said.set is None or round_.number != max(job.masks.rounds):
            return False
        try:
            return time <= job.time_of(round_.ended_in) + job.masks.terms.unmask_seconds
        except FedledgerError:
            return True


def _goes_on(state: JobState, since: int) -> bool:
    """Whether a job's round is under way that was opened no later than this block: its slips may be for an old key."""
    round_ = state.current
    return round_ is not None and not round_.phase.terminal and round_.block <= since
