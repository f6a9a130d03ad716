"""Lies about the noise that hides members, each in a world of its own, in whose first round member 0 sends garbage, so
that all of its set are asked to open. Member 4 (centre) lies about its noise.
"""

from typing import Any

import msgspec
import numpy as np
from support.masked import draws
from support.worlds.masked import MaskedWorld
from support.worlds.masked_segments import BOUNDS, MASKED

from ledger.budget.members import member_cost
from ledger.jobs.members import ClientNoise

LIAR, GARBAGE = 4, 0
VALUES, CLIP, GRAIN, RATE = 610, 256, 64, 2048
NOISY = msgspec.structs.replace(MASKED, weights="equal", threshold=3)
LIMITS = msgspec.structs.replace(BOUNDS, max_weight=1, max_norm=CLIP * GRAIN)


def member_noise(rounds: int = 9, rate: int = RATE, clip: int = CLIP, grain: int = GRAIN) -> ClientNoise:
    """Noise of a job whose least set are three, in updates of 610 values, with a budget for so many rounds."""
    variance = 2 * 3 * rate
    cost = member_cost(clip, variance, VALUES)
    return ClientNoise(
        clip=clip,
        grain=grain,
        variance=variance,
        delta="0.00001",
        orders=8,
        cost=cost,
        budget=rounds * cost,
        scope="members",
    )


def begun(**how: Any) -> MaskedWorld:
    """A job whose members are hidden by noise, with its first cast."""
    world = MaskedWorld(privacy=NOISY, limits=LIMITS, dp=member_noise(), **how)
    return world.open_job().cast()


def update(world: MaskedWorld, seed: int = 7) -> np.ndarray:
    """An update as an honest member has it, before its noise."""
    drawn = np.random.default_rng(seed).normal(size=VALUES)
    return (np.rint(drawn * CLIP / np.linalg.norm(drawn) * 0.9) * GRAIN).astype("<i4")


def void(words: np.ndarray | None, values: np.ndarray | None = None, opening: tuple[int, ...] = (0, 1, 2, 3, 4)) -> Any:
    """A round that member 0 makes void; the liar's file has these `words`, an honest one's where they are None."""
    world = begun().open_round()
    for member in range(5):
        own = words if member == LIAR else np.frombuffer(draws(7)(8 * VALUES), "<u8") if member == GARBAGE else None
        world.mask(member, values if member == LIAR else None, words=own)
    world.fix_set().answer().end()
    for member in opening:
        world.show(member)
    return world


def words_of(values: np.ndarray, *, noisy: bool = True, rate: int = RATE) -> np.ndarray:
    """What the liar's file has: these values under its masks, without noise, or with noise of another rate."""
    world = begun().open_round()
    law = world.judge.law(1)
    assert law is not None
    from dataclasses import replace

    return world.words(LIAR, values, 1, replace(law, rate=rate) if noisy else None)


def quiet(without: tuple[int, ...] = (0, 1, 2, 3, 4)) -> MaskedWorld:
    """A round in which some add no noise, and an honest one."""
    world = begun().open_round()
    for member in range(5):
        values = update(world, member)
        world.mask(member, values, words=world.words(member, values, 1) if member in without else None)
    return world.fix_set().answer().end().honest_round()
