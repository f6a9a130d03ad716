"""Rounds of a masked job with groups, honest or with one lie: seven members in two groups, of four and of three."""

from collections.abc import Collection
from typing import Any

import msgspec
import numpy as np
from support.worlds.mask_lies import LIAR, noise
from support.worlds.masked import MaskedWorld
from support.worlds.masked_segments import BOUNDS, MASKED

from ledger.jobs.document import Admission
from ledger.jobs.rules import Median, Rule, TrimmedMean
from ledger.masks.reveals import cast_of
from ledger.masks.sums import masked, masking

MEMBERS, OTHERS = 7, (0, 1, 2, 3, 5, 6)
GROUPED = msgspec.structs.replace(MASKED, groups=2, threshold=4)


def begun(members: int = MEMBERS, groups: int = 2, limits: Admission = BOUNDS, **how: Any) -> MaskedWorld:
    privacy = how.pop("privacy", msgspec.structs.replace(GROUPED, groups=groups))
    return MaskedWorld(members, privacy=privacy, limits=limits, **how).open_job().cast()


def compared(rule: Rule, groups: int, members: int, **how: Any) -> MaskedWorld:
    """A job whose rule compares means of groups."""
    needed = 2 * rule.trim + 1 if isinstance(rule, TrimmedMean) else 3 if isinstance(rule, Median) else 1
    limits = msgspec.structs.replace(how.pop("limits", BOUNDS), min_updates=3 * needed)
    return begun(members, groups, limits, rule=rule, **how)


def group_of_liar(world: MaskedWorld) -> frozenset[int]:
    """The liar's group in the current round."""
    (found,) = (group for group in world.groups if LIAR in group)
    return found


def bad_sum(words: np.ndarray | None = None, values: np.ndarray | None = None, **how: Any) -> MaskedWorld:
    """A round of all, in which the liar's update puts the sum of its group out of bounds: no model was made."""
    world = begun(**how).open_round()
    for member in range(len(world.keys)):
        liar = member == LIAR
        world.mask(member, values if liar else None, words=words if liar else None)
    return world.fix_set().answer().end()


def opened(world: MaskedWorld, but: Collection[int] = ()) -> MaskedWorld:
    """Those who are asked to open do, but for some; then an honest round of the others."""
    void = world.judge.void(world.round.number)
    assert void is not None
    for member in sorted(void.asked - set(but)):
        world.show(member)
    return world.pass_blocks(300).honest_round(OTHERS)


def garbage() -> MaskedWorld:
    """Not an update at all; the liar does not open, and the rest of its group does."""
    return opened(bad_sum(noise(610)), but=[LIAR])


def too_large() -> MaskedWorld:
    """A value beyond the bound; all of the group open."""
    values = np.zeros(610, "<i4")
    values[7] = (1 << 31) - 1
    return opened(bad_sum(values=values))


def wrong_group() -> MaskedWorld:
    """The liar masks with members of the other group, and says that this is its own."""
    world = begun().open_round()
    other = next(group for group in world.groups if LIAR not in group)
    files, own = world.files_of_cast(), world.own(LIAR)
    bent = cast_of({member: files[member] for member in sorted(other | {LIAR})}, 1)
    for member in OTHERS:
        world.mask(member)
    world.mask(LIAR, words=masked(np.ones(610, "<i4"), 10, masking(bent, LIAR, own.key, own.seed), 0))
    return opened(world.fix_set().answer().end())


def below(world: MaskedWorld) -> frozenset[int]:
    """The smaller group without one, who is the first of them but the liar: too few for a sum of their own."""
    small = min(world.groups, key=len)
    return small - {min(small - {LIAR})}


def set_with_a_group_that_is_too_small() -> MaskedWorld:
    """East proposes a set of all that came, as if the cast were divided otherwise; it lapses."""
    world = begun().open_round(1)
    gone = min(world.groups, key=len) - below(world)
    for member in sorted(set(range(MEMBERS)) - gone):
        world.mask(member)
    world.propose_set(set(range(MEMBERS)) - gone, proposer=1)
    world.agree_set([2])
    world.pass_blocks(world.masks.terms.set_seconds)
    world.propose_set(proposer=0)
    world.agree_set()
    return world.answer().end().honest_round()
