"""A cast divided into groups: by all of its set-up files, the same for everyone, none too small."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.masked import Members

from ledger.masks.groups import divided, group_of, groups_of, in_play, seed_of

SEED = bytes(range(32))


@given(
    members=st.sets(st.integers(0, 254), min_size=3),
    most=st.integers(2, 85),
    smallest=st.integers(1, 60),
    seed=st.binary(min_size=32, max_size=32),
)
def test_every_member_is_in_one_group_and_none_is_too_small(
    members: set[int], most: int, smallest: int, seed: bytes
) -> None:
    groups = divided(seed, members, most, smallest)
    assert sorted(member for group in groups for member in group) == sorted(members)
    sizes = [len(group) for group in groups]
    assert len(groups) <= most
    assert max(sizes) - min(sizes) <= 1
    assert len(groups) == 1 or min(sizes) >= max(3, smallest)
    assert len(groups) == most or len(members) < (len(groups) + 1) * max(3, smallest), "as many as there may be"


def test_the_order_in_which_members_come_changes_nothing() -> None:
    members = [9, 1, 200, 40, 3, 77, 12]
    assert divided(SEED, members, 2, 3) == divided(SEED, sorted(members), 2, 3) == divided(SEED, set(members), 2, 3)


def test_over_many_seeds_every_pair_is_together_as_often_as_any() -> None:
    """Of 12 members in 3 groups of 4, two are together in 3 of 11 draws."""
    together = dict.fromkeys(((a, b) for a in range(12) for b in range(a)), 0)
    for number in range(2000):
        groups = divided(number.to_bytes(32, "big"), range(12), 3, 4)
        for pair in together:
            together[pair] += any(group.issuperset(pair) for group in groups)
    assert min(together.values()) > 2000 * 3 / 11 * 0.8
    assert max(together.values()) < 2000 * 3 / 11 * 1.2


def test_a_job_without_groups_has_one_of_all() -> None:
    setups = Members(range(9)).setups
    assert groups_of(setups, 0, 3) == (frozenset(range(9)),)
    assert len(groups_of(setups, 3, 3)) == 3


def test_every_members_file_moves_the_seed() -> None:
    """So nobody knows the groups while one file of the cast is not shown."""
    setups, others = Members(range(6)).setups, Members(range(6), seed=1).setups
    seeds = {seed_of(setups)} | {seed_of({**setups, member: others[member]}) for member in range(6)}
    assert len(seeds) == 7
    assert seed_of(dict(reversed(setups.items()))) == seed_of(setups)
    without = {member: setup for member, setup in setups.items() if member != 5}
    assert seed_of(without) not in seeds


def test_another_segment_has_another_seed_even_of_the_same_keys() -> None:
    members = Members(range(4))
    before = seed_of(members.setups)
    later = replace(members.segment, number=2)
    assert seed_of({m: replace(one, segment=later) for m, one in members.setups.items()}) != before


@pytest.mark.parametrize(
    ("chosen", "asked"), [({0, 1}, {0, 1, 2}), ({2, 3}, {0, 1, 2, 3, 4, 5}), (set(), set()), ({0, 1, 2}, {0, 1, 2})]
)
def test_nothing_is_asked_of_a_group_that_a_set_has_nobody_of(chosen: set[int], asked: set[int]) -> None:
    groups = (frozenset({0, 1, 2}), frozenset({3, 4, 5}))
    assert in_play(groups, chosen) == asked
    assert group_of(groups, 4) == {3, 4, 5}
    assert group_of(groups, 9) == frozenset()
