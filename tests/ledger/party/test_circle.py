"""A member's circle: few are asked at once, and all hear of all."""

from hypothesis import given
from hypothesis import strategies as some

from ledger.party.sharing.circle import SMALL, circle, later_among


@given(some.sets(some.integers(0, 254), min_size=2), some.integers(0, 60))
def test_what_one_says_reaches_all_in_as_many_steps_as_the_number_of_members_has_bits(
    members: set[int], which: int
) -> None:
    circles = {member: circle(member, members - {member}) for member in members}
    assert all(near <= members - {member} for member, near in circles.items())
    told = {sorted(members)[which % len(members)]}
    for _ in range(len(members).bit_length()):
        told |= {near for member in told for near in circles[member]}
    assert told == members


def test_of_few_others_each_is_near_and_of_many_one_for_each_bit() -> None:
    assert circle(3, range(3)) == {0, 1, 2}
    assert circle(SMALL, range(SMALL)) == set(range(SMALL))
    assert circle(90, {*range(100)} - {90}) == {91, 92, 94, 98, 6, 22, 54}


def test_the_longer_ways_wait_longer_among_many_and_never_too_long() -> None:
    assert later_among(SMALL, 0.5, 9) == 0.5
    assert later_among(10 * SMALL, 0.5, 9) == 5
    assert later_among(10 * SMALL, 0.5, 2) == 2, "no longer than there is time"
    assert later_among(10 * SMALL, 0.5, 0.1) == 0.5, "as among few"
