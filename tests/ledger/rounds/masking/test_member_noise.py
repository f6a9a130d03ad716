"""Noise of members under masks: sums carry it, bounds leave room for it, and openings show who clipped and added it."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from support.masked import Members
from support.worlds import member_lies
from support.worlds.masked import MaskedWorld
from support.worlds.member_lies import CLIP, GARBAGE, GRAIN, LIAR, RATE, VALUES, begun, update, void, words_of

from ledger.budget.members import ceil_sqrt
from ledger.errors import Unavailable
from ledger.history.state import Phase
from ledger.masks.blame import Fault
from ledger.masks.noise import LOWER, MemberNoise, NoiseLaw, beacon_point, noise_seed
from ledger.masks.secret import Secret
from ledger.masks.sums import masked, masking, opening, unmasked
from ledger.rounds.admission import Verdict
from ledger.rounds.masking.bounds import judge_opened
from ledger.rounds.masking.noise import noise_room, unit_of
from participant.privacy.clipping import clipped


def noises(world: MaskedWorld) -> dict[int, np.ndarray]:
    """The noise of each member in the current round."""
    law, found = world.judge.law(world.round.number), {}
    assert law is not None
    for member in range(5):
        drawn = np.zeros(VALUES, np.uint64)
        law.of(world.name, member, world.own(member).key).apply(drawn, 0)
        found[member] = drawn.view(np.int64)
    return found


def test_a_rounds_sum_is_that_of_updates_and_noise_and_its_model_follows() -> None:
    world = begun().begin().fix_set().answer()
    summed = world.judge.summed(world.facts)
    assert summed is not None
    inputs = summed.inputs(world.facts, world.files.fetch)
    total = np.concatenate([run for (run,) in inputs.sums(1)])
    plain = sum(world.updates[1, member][1].astype(np.int64) for member in range(5))
    noise = sum(noises(world).values())
    assert np.array_equal(total, plain + noise)
    assert [one.verdict for one in inputs.judged(1)] == [Verdict.ADMITTED]
    assert world.end().round.phase is Phase.FINALISED
    assert 0.8 < noise.var() / (5 * 2 * RATE * GRAIN**2) < 1.2


def test_the_bounds_of_the_sum_leave_room_for_noise_and_no_more() -> None:
    world = begun().begin().fix_set().answer()
    summed = world.judge.summed(world.facts)
    assert summed is not None
    inputs, room = summed.inputs(world.facts, world.files.fetch), noise_room(world.job, 5)
    assert inputs.parts[0].room == room
    assert room.value == GRAIN * ceil_sqrt(256 * 5 * 2 * RATE)
    norm = np.sqrt(float(inputs.surveyed(1)[0].squares))
    assert norm > 5 * CLIP * GRAIN, "without room the noise alone would void the round"
    assert norm < 5 * CLIP * GRAIN + room.norm
    inputs.surveys[0].squares = (5 * CLIP * GRAIN + room.norm) ** 2 + 1
    assert [one.verdict for one in inputs.judged(1)] == [Verdict.NORM]


def verdicts(world: MaskedWorld) -> dict[int, Verdict]:
    found = world.judge.void(1)
    assert found is not None
    return {member: one.decision.verdict for member, one in found.opened.items()}


def test_whoever_clipped_and_added_its_noise_is_cleared() -> None:
    world = void(None)
    found = verdicts(world)
    assert {member for member, verdict in found.items() if verdict is not Verdict.ADMITTED} == {GARBAGE}
    assert world.judge.convicted(world.block + 1).keys() == {GARBAGE}


LIES: dict[str, Any] = {
    "not clipped": (lambda: words_of(update(begun()) * 2), Verdict.NORM),
    "no whole grains": (lambda: words_of(update(begun()) + 1), Verdict.RANGE),
    "no noise": (lambda: words_of(update(begun()), noisy=False), Verdict.NORM),
    "less noise": (lambda: words_of(update(begun()), rate=RATE // 4), Verdict.NORM),
}


@pytest.mark.parametrize("lie", LIES)
def test_whoever_did_not_is_convicted_by_its_opening(lie: str) -> None:
    words, verdict = LIES[lie]
    world = void(words())
    assert verdicts(world)[LIAR] is verdict
    found = world.judge.convicted(world.block + 1)
    assert found.keys() == {GARBAGE, LIAR}
    assert found[LIAR].guilty.fault is Fault.VALUES


def test_noise_that_was_chosen_is_not_the_one_that_follows_from_key_and_beacon() -> None:
    world = begun().open_round()
    law = world.judge.law(1)
    assert law is not None
    chosen = replace(law, beacon=bytes(32))
    lying = void(world.words(LIAR, update(world), 1, chosen))
    assert verdicts(lying)[LIAR] is Verdict.NORM


def test_nobodys_noise_is_known_but_by_its_own_opening() -> None:
    """All but one open: without its key its update stays noisy, so it owes an opening, and is silent without."""
    world = void(None, opening=(0, 1, 2, 3))
    assert verdicts(world).keys() == {0, 1, 2, 3}
    world.pass_blocks(300)
    found = world.judge.void(1, time=world.time)
    assert found is not None
    assert found.silent == {LIAR}
    assert world.judge.convicted(world.block + 1)[LIAR].guilty.fault is Fault.OPENING


def test_an_opening_stays_what_it_is_whoever_opens_later() -> None:
    world = void(None)
    found = world.judge.void(1)
    assert found is not None
    assert all(one.key is not None for one in found.opened.values())


def test_without_a_cast_or_its_blocks_hash_there_is_no_law() -> None:
    world = MaskedWorld(privacy=member_lies.NOISY, limits=member_lies.LIMITS, dp=member_lies.member_noise()).open_job()
    with pytest.raises(Unavailable, match="no cast yet"):
        world.judge.law(1)
    unknowing = replace(begun().judge, hash_of=type(world.judge).hash_of)
    with pytest.raises(Unavailable, match="hash of a block"):
        unknowing.law(1)
    assert MaskedWorld().open_job().cast().judge.law(1) is None


def test_a_seed_follows_from_round_member_key_and_beacon() -> None:
    world = begun().open_round()
    key, seed = world.own(1).key, noise_seed(world.name, 1, world.own(1).key, bytes(32))
    assert seed == noise_seed(world.name, 1, key, bytes(32))
    others = [
        noise_seed(world.name._replace(round=2), 1, key, bytes(32)),
        noise_seed(world.name, 2, key, bytes(32)),
        noise_seed(world.name, 1, world.own(2).key, bytes(32)),
        noise_seed(world.name, 1, key, bytes([1]) * 32),
    ]
    assert len({seed, *others}) == 5
    assert beacon_point(bytes(32)) != beacon_point(bytes([1]) * 32)


def test_noise_is_made_in_any_parts_on_any_threads_and_undone() -> None:
    noise = MemberNoise(RATE, GRAIN, Secret(bytes(range(32))))
    whole = np.zeros(100_000, np.uint64)
    noise.apply(whole, 0)
    parts = np.zeros(100_000, np.uint64)
    for at in range(0, 100_000, 33_333):
        noise.apply(parts[at : at + 33_333], at, 2)
    assert np.array_equal(whole, parts)
    noise.reversed().apply(whole, 0, 2)
    assert not whole.any()
    assert LOWER > 1 << 31


@settings(max_examples=30)
@given(
    values=arrays("<i4", 64, elements=st.integers(-(1 << 31), (1 << 31) - 1)),
    seed=st.binary(min_size=32, max_size=32),
    rate=st.sampled_from([8, 512, 1 << 20]),
    clip=st.integers(1, 1 << 20),
    bits=st.integers(0, 12),
)
def test_no_honest_member_is_ever_refused_by_its_opening(
    values: np.ndarray, seed: bytes, rate: int, clip: int, bits: int
) -> None:
    """Whatever it trained, drew and was given as a beacon: what is opened is its clipped update, to the bit."""
    members, said = Members([0, 1, 2, 3]), member_lies.member_noise(rate=rate, clip=clip, grain=1 << bits)
    limits = msgspec.structs.replace(member_lies.LIMITS, max_norm=clip << bits, max_value=(1 << 31) - 1)
    job = msgspec.structs.replace(begun().job, dp=said, admission=limits)
    law, cast, own, unit = NoiseLaw(rate, said.grain, seed), members.cast(), members.at(2), unit_of(job, 1)
    update = clipped(values, said, limits)
    words = masked(update, 1, masking(cast, 2, own.key, own.seed, law), 0)
    shown = unmasked(words, opening(cast, 2, own.key, own.seed, law), 0)
    assert np.array_equal(shown, update)
    assert judge_opened([shown], unit.size, unit.limits, unit.name).verdict is Verdict.ADMITTED
