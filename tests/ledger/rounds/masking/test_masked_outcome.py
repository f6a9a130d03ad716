"""A masked round's outcome by `recompute`: that of the open round of the same updates, or why there is none."""

import dataclasses

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.kept import Kept
from support.worlds import mask_lies
from support.worlds.masked import MaskedWorld
from support.worlds.masked_segments import BOUNDS, MASKED, TERMS
from support.worlds.world import World

from ledger.errors import Unavailable
from ledger.formats.artifact import Tensor
from ledger.formats.digest import NOTHING
from ledger.jobs.document import Admission
from ledger.rounds.admission import Verdict
from ledger.rounds.masking.answers import Unmasking
from ledger.rounds.masking.summed import NotShown
from ledger.rounds.outcome import Outcome, recompute

SMALL = (Tensor("w", (5,)),)
WIDE = Admission(min_updates=3, max_weight=(1 << 24) - 1, max_value=(1 << 31) - 1, max_norm=(5 << 31) - 1)


def masked(world: MaskedWorld, **how: object) -> Outcome:
    return recompute(world.facts, world.files.fetch, world.certified, **how)  # type: ignore[arg-type]


def open_twin(world: MaskedWorld, members: list[int]) -> Outcome:
    """The outcome of the open round of the same updates, weights and base model."""
    limits, initial = world.job.admission, world.initial.tolist()
    twin = World(len(world.keys), tensors=world.job.tensors, limits=limits, terms=TERMS, initial=initial)
    twin.open_job().open_round()
    for member in members:
        weight, values = world.updates[world.round.number, member]
        twin.submit(member, values, weight=weight)
    return twin.outcome()


@st.composite
def schedules(draw: st.DrawFn) -> tuple[int, int, list[int], list[int], int]:
    """Members, threshold, who brings an update, who is silent after the set, and a seed."""
    members = draw(st.integers(3, 8))
    threshold = draw(st.integers(members // 2 + 1, members))
    bring = sorted(draw(st.sets(st.integers(0, members - 1), min_size=max(3, threshold))))
    most = min(members - threshold, len(bring) - 1)
    silent = sorted(draw(st.sets(st.sampled_from(bring), max_size=most)))
    return members, threshold, bring, silent, draw(st.integers(0, 1 << 16))


@settings(max_examples=25)
@given(schedule=schedules())
def test_a_masked_rounds_outcome_is_the_open_rounds(schedule: tuple[int, int, list[int], list[int], int]) -> None:
    members, threshold, bring, silent, seed = schedule
    privacy = msgspec.structs.replace(MASKED, threshold=threshold)
    world = MaskedWorld(members, privacy=privacy, limits=WIDE, tensors=SMALL, seed=seed, initial=[0] * 5)
    world.open_job().cast().open_round()
    drawn = np.random.default_rng(seed)
    for member in bring:
        values = drawn.choice(np.array([(1 << 31) - 1, -(1 << 31) + 1, 0, 1, -7], "<i4"), 5)
        world.mask(member, values, weight=int(drawn.choice([1, (1 << 24) - 1, 77])))
    world.fix_set().answer(silent)
    outcome, twin = masked(world), open_twin(world, bring)
    assert outcome.root != NOTHING
    assert (outcome.root, outcome.sums, outcome.why) == (twin.root, twin.sums, twin.why)
    assert (outcome.cid, outcome.verdicts) == (twin.cid, twin.verdicts)


@pytest.mark.parametrize("threads", [1, 3])
def test_over_many_blocks_with_threads_and_kept_as_it_is_made(threads: int) -> None:
    world = MaskedWorld(tensors=(Tensor("w", (300_000,)),)).open_job().cast().begin((0, 1, 3, 4)).fix_set().answer()
    made, heard = Kept(), list[int]()
    outcome = masked(world, threads=threads, keep=made, progress=heard.append)
    assert outcome.root == open_twin(world, [0, 1, 3, 4]).root
    assert world.files.put(made.data).digest == outcome.cid
    assert sum(heard) == 4 * world.facts.update_size


def test_sums_at_the_edge_of_64_bits_are_exact() -> None:
    """Three at the largest weight and value; `test_masked_sums` has 255 of them."""
    limits = msgspec.structs.replace(WIDE, max_weight=(1 << 24) - 1)
    world = MaskedWorld(3, limits=limits, tensors=SMALL, initial=[0] * 5).open_job().cast().open_round()
    for member in range(3):
        values = np.array([(1 << 31) - 1, -(1 << 31) + 1, 0, 1, -1], "<i4")
        world.mask(member, values, weight=(1 << 24) - 1)
    outcome = masked(world.fix_set().answer())
    assert (outcome.root, outcome.sums) == (open_twin(world, [0, 1, 2]).root, open_twin(world, [0, 1, 2]).sums)


def test_what_is_outside_of_cast_or_set_has_a_verdict_that_says_so() -> None:
    """Member 4 is not in the cast, 5 has too much weight, 6 is in the cast and left out of the set by its members."""
    world = MaskedWorld(7, privacy=msgspec.structs.replace(MASKED, threshold=4)).open_job()
    world.cast(1, (0, 1, 2, 3, 5, 6)).open_round()
    for member in (0, 1, 2, 3, 6):
        world.mask(member)
    world.mask(5, weight=BOUNDS.max_weight + 1)
    world.submit(4)
    outcome = masked(world.fix_set((0, 1, 2, 3)).answer())
    named = [Verdict(byte).name for byte in outcome.verdicts]
    assert named == ["ADMITTED"] * 4 + ["CAST", "WEIGHT", "SET"]
    assert outcome.root == open_twin(world, [0, 1, 2, 3]).root


def test_without_a_set_or_enough_answers_nothing_is_said() -> None:
    """Who asks too early is told to wait, not that there is no model."""
    world = MaskedWorld().open_job().cast().begin()
    with pytest.raises(NotShown, match="no set is fixed for round 1"):
        recompute(world.facts, world.files.fetch, range(5))
    world.fix_set()
    for member in (0, 1, 2, 3):
        world.unmask(member)
        with pytest.raises(NotShown, match="too few shares"):
            masked(world)
    world.unmask(4)
    assert masked(world).root != NOTHING


def test_one_answer_less_makes_no_secret_and_the_round_is_lost() -> None:
    world = MaskedWorld().open_job().cast().begin().fix_set()
    for member in (0, 1, 2):
        world.unmask(member)
    world.pass_blocks(world.said.unmask_deadline - world.time + 12)
    for member in (0, 1, 2):
        world.give(member)
    shown = world.judge.secrets(1)
    assert shown is not None
    assert (set(shown.seeds), set(shown.wanting.items())) == ({0, 1, 2}, {(3, 1), (4, 1)})
    deadline = world.said.share_deadline
    assert shown.state(deadline, deadline) is Unmasking.POSSIBLE
    assert shown.state(deadline + 1, deadline) is Unmasking.IMPOSSIBLE
    world.give(3)
    shown = world.judge.secrets(1)
    assert shown is not None
    assert shown.state(deadline + 1, deadline) is Unmasking.COMPLETE
    assert masked(world).root == open_twin(world, [0, 1, 2, 3, 4]).root


@pytest.mark.parametrize("large", [True, False])
def test_a_sum_out_of_its_bounds_makes_no_model_and_keeps_nothing(large: bool) -> None:
    world = MaskedWorld().open_job().cast().open_round()
    for member in (0, 1, 2, 3):
        world.mask(member)
    values = np.full(610, (1 << 31) - 1 if large else 1 << 20, "<i4")
    world.mask(4, values)
    world.job = msgspec.structs.replace(world.job, admission=msgspec.structs.replace(BOUNDS, max_norm=1 << 20))
    made = Kept()
    outcome = masked(world.fix_set().answer(), keep=made)
    assert outcome.why.startswith("RANGE of the sum: " if large else "NORM of the sum: ")
    assert (outcome.root, outcome.cid, outcome.verdicts) == (NOTHING, NOTHING, bytes(5))
    assert made.data == b""


def test_shares_of_another_key_end_the_round_without_a_model() -> None:
    world = mask_lies.inconsistent_shares_of_a_key()
    assert world.state.rounds[1].aggregates[0].empty
    assert world.state.rounds[1].phase.terminal


def test_an_update_of_the_set_that_is_not_admitted_leaves_no_model() -> None:
    """A majority agreed to sum what its registered root is not of."""
    world = MaskedWorld().open_job().cast().open_round()
    for member in range(4):
        world.mask(member)
    world.mask(4, root=b"\x05" * 32)
    outcome = masked(world.fix_set().answer())
    assert outcome.why == "the set has updates that are not admitted: of member 4"
    assert outcome.verdicts == bytes([0, 0, 0, 0, Verdict.ROOT])


def test_bytes_of_a_set_up_file_or_an_update_that_are_gone_lead_to_no_outcome() -> None:
    for what in ("update", "set-up"):
        world = MaskedWorld().open_job().cast().begin().fix_set().answer()
        digest = world.round.updates[2].cid if what == "update" else world.masks.segments[1].setups[2].cid
        certified = world.certified
        (cid,) = [one for one in world.files.files if one.digest == digest]
        del world.files.files[cid]
        with pytest.raises(Unavailable, match="nobody holds the file"):
            recompute(world.facts, world.files.fetch, certified)


def test_a_job_whose_masks_are_not_configured_has_no_outcome() -> None:
    world = MaskedWorld().open_job().cast().begin().fix_set().answer()

    facts = dataclasses.replace(world.facts, masks=None)
    with pytest.raises(Unavailable, match="not configured"):
        recompute(facts, world.files.fetch, range(5))


@pytest.mark.parametrize(("wanted", "magnitude"), [((1 << 63) - 1, (1 << 63) - 1), (-(1 << 63), 1 << 63)])
def test_a_sum_at_the_very_edge_of_64_bits_is_read_as_it_is(wanted: int, magnitude: int) -> None:
    """Words that no update has, chosen so that the sum's last value is the largest, or the least, of 64 bits."""
    world = MaskedWorld().open_job().cast().open_round()
    others = sum(int(world.mask(member).values[-1]) * 10 for member in (0, 1, 2, 3))
    words = world.words(4, np.zeros(610, "<i4"), 10).copy()
    words[-1] = (int(words[-1]) + wanted - others) % (1 << 64)
    world.mask(4, words=words)
    outcome = masked(world.fix_set().answer())
    assert outcome.why == f"RANGE of the sum: a sum of magnitude {magnitude}, at most {50 << 20} possible"
    world.end()
    for member in (0, 1, 2, 3):
        world.show(member)
    void = world.judge.void(1)
    assert void is not None
    assert [m for m, one in void.opened.items() if one.decision.verdict is not Verdict.ADMITTED] == [4]
