"""Masks on updates and off their sum, and what each of the members' secrets shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.masked import Members

from ledger.errors import Malformed
from ledger.masks.secret import Secret
from ledger.masks.streams import words
from ledger.masks.sums import Masks, masked, masking, opening, unmasked, unmasking

MEMBERS = Members([0, 2, 5, 6])
CAST = MEMBERS.cast()
VALUES = {m: np.array([m, -m, (1 << 31) - 1, -(1 << 31)], "<i4") for m in MEMBERS.segment.members}
WEIGHTS = {0: 1, 2: 3, 5: (1 << 24) - 1, 6: 1000}


def masks_of(member: int) -> Masks:
    return masking(CAST, member, MEMBERS.at(member).key, MEMBERS.at(member).seed)


def masked_by(member: int) -> np.ndarray:
    return masked(VALUES[member], WEIGHTS[member], masks_of(member), 0)


def products(member: int) -> list[int]:
    return [WEIGHTS[member] * value for value in VALUES[member].tolist()]


def test_the_mask_is_the_specifications_sum_of_streams() -> None:
    """Member 2's: its self seed, plus the pairs with 5 and 6, minus the pair with 0."""
    key, seed = MEMBERS.at(2).key, MEMBERS.at(2).seed
    whole = [*map(int, words(seed, 0, 4))]
    for other in (0, 5, 6):
        stream = words(CAST.pair(2, key, other), 0, 4)
        whole = [have + (1 if other > 2 else -1) * int(word) for have, word in zip(whole, stream, strict=True)]
    expected = [(mask + product) % (1 << 64) for mask, product in zip(whole, products(2), strict=True)]
    assert masked_by(2).tolist() == expected


def test_a_run_of_an_update_is_masked_as_in_the_whole() -> None:
    assert masked(VALUES[5][1:3], WEIGHTS[5], masks_of(5), 1).tolist() == masked_by(5)[1:3].tolist()


@given(st.sets(st.sampled_from([0, 2, 5, 6]), min_size=1))
def test_the_masks_of_any_set_go_away(chosen: set[int]) -> None:
    seeds = {member: MEMBERS.at(member).seed for member in chosen}
    keys = {member: MEMBERS.at(member).key for member in CAST.points.keys() - chosen}
    total = np.sum([masked_by(member) for member in chosen], axis=0, dtype=np.uint64)
    found = unmasked(total, unmasking(CAST, chosen, seeds, keys), 0)
    assert found.tolist() == [sum(column) for column in zip(*map(products, chosen), strict=True)]


def test_one_secret_of_each_member_and_never_both() -> None:
    seeds = {member: MEMBERS.at(member).seed for member in (0, 2, 5)}
    keys = {6: MEMBERS.at(6).key}
    unmasking(CAST, [0, 2, 5], seeds, keys)
    for chosen, some_seeds, some_keys in [
        ([0, 2, 5], seeds, keys | {5: MEMBERS.at(5).key}),
        ([0, 2, 5], seeds | {6: MEMBERS.at(6).seed}, keys),
        ([0, 2, 5], {0: seeds[0], 2: seeds[2]}, keys),
        ([0, 2, 5], seeds, {}),
        ([0, 2, 5, 7], seeds | {7: MEMBERS.at(6).seed}, keys),
    ]:
        with pytest.raises(Malformed, match="one secret of each member"):
            unmasking(CAST, chosen, some_seeds, some_keys)


def test_an_update_is_opened_by_its_key_alone() -> None:
    for member in CAST.points:
        found = unmasked(masked_by(member), opening(CAST, member, MEMBERS.at(member).key, MEMBERS.at(member).seed), 0)
        assert found.tolist() == products(member)


def test_a_key_of_another_member_masks_and_opens_nothing() -> None:
    for work in (masking, opening):
        with pytest.raises(Malformed, match="not the one of this member's set-up file"):
            work(CAST, 2, MEMBERS.at(5).key, MEMBERS.at(2).seed)


def test_without_one_self_seed_the_sum_stays_noise() -> None:
    """What a set leaves behind that is never summed: nothing small is in it."""
    chosen = [0, 2, 5, 6]
    seeds = {member: MEMBERS.at(member).seed for member in chosen} | {5: Secret(bytes(32))}
    total = np.sum([masked_by(member) for member in chosen], axis=0, dtype=np.uint64)
    found = unmasked(total, unmasking(CAST, chosen, seeds, {}), 0)
    assert min(abs(value) for value in found.tolist()) > 1 << 56


def test_a_self_seed_alone_leaves_an_update_masked() -> None:
    """Late bytes (docs/spec/masks.md, rule 5): the pair masks are still on it."""
    alone = masked_by(2)
    Masks([], [MEMBERS.at(2).seed]).apply(alone, 0)
    assert min(abs(value) for value in alone.view(np.int64).tolist()) > 1 << 48


def test_nothing_is_held_of_the_callers_values() -> None:
    before = VALUES[5].copy()
    masked_by(5)
    assert np.array_equal(VALUES[5], before)
