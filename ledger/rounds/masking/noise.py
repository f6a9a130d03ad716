"""The noise of members in a masked round: its law, the room that bounds of a sum leave it, and what an update is once
its noise is off (docs/spec/privacy.md, "Hiding members").
"""

from typing import NamedTuple

import msgspec

from ledger.jobs.document import Admission, Job
from ledger.jobs.members import NO_ROOM, Room, least_set, least_squares, room_of
from ledger.masks.noise import NoiseLaw


class Unit(NamedTuple):
    """What the integers of an opened update are whole multiples of, as people call it, and its limits in these."""

    size: int
    name: str
    limits: Admission


def law_of(job: Job, beacon: bytes) -> NoiseLaw | None:
    """What each member adds in rounds of a segment with this beacon; None where members add nothing."""
    if job.member_noise is None or job.masked is None:
        return None
    return NoiseLaw(job.member_noise.rate(least_set(job.masked)), job.member_noise.grain, beacon)


def noise_room(job: Job, members: int) -> Room:
    """By how much the noise of so many members may lead their sum beyond the bounds of their updates."""
    if job.member_noise is None or job.masked is None:
        return NO_ROOM
    return room_of(job.member_noise, least_set(job.masked), members, job.layout.values)


def noise_floor(job: Job, members: int) -> int:
    """Below which the sum of squares of so many members' sum shows too little noise; 0 where nothing can be told."""
    if job.member_noise is None or job.masked is None:
        return 0
    return least_squares(job.member_noise, least_set(job.masked), members, job.layout.values)


def unit_of(job: Job, weight: int) -> Unit:
    """Of an update's products w·q: the weight; the grain, where updates are noisy, whose weights are 1."""
    said, limits = job.member_noise, job.admission
    if said is None:
        return Unit(weight, "weight", limits)
    counted = msgspec.structs.replace(limits, max_value=limits.max_value // said.grain, max_norm=said.clip)
    return Unit(said.grain, "grain", counted)
