"""A masked round makes the very model of the open round of the same updates; a bad sum has its author named."""

import random
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.masked import CHAIN, MaskedRound, Members, cast_of_files, layout_of, play, random_round

from ledger.errors import Malformed
from ledger.formats.artifact import Layout
from ledger.formats.header import Binding
from ledger.formats.merkle import root_of
from ledger.jobs.document import Admission
from ledger.masks.sums import opening, unmasked
from ledger.rounds.admission import Decision, Verdict
from ledger.rounds.masking.bounds import SumSurvey, judge_opened, left_over
from ledger.rounds.masking.inputs import MaskedBands
from ledger.rounds.masking.reading import MaskedReading
from ledger.rounds.model import Model, make_model
from ledger.rounds.rules.arithmetic import Sums

LIMITS = Admission(min_updates=2, max_weight=1000, max_value=1 << 20, max_norm=1 << 21)


def same(masked: Model, other: Model) -> bool:
    """Of files, and of the sums that were divided."""
    assert other.root != bytes(32)
    return (masked.root, masked.cid, masked.sums, masked.why) == (other.root, other.cid, other.sums, other.why)


@settings(max_examples=60)
@given(indices=st.sets(st.integers(0, 254), min_size=3, max_size=12), seed=st.integers(0, 1 << 32))
def test_a_masked_round_makes_the_open_rounds_model(indices: set[int], seed: int) -> None:
    members = Members(indices, seed=seed)
    assert same(*play(members, random.Random(seed)))


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_thousand_schedules() -> None:
    """3 to 50 members, mostly few; any drop-outs before and after the set, up to the threshold."""
    rolled = random.Random(1000)
    for seed in range(1000):
        size = 3 + int(47 * rolled.random() ** 3)
        members = Members(rolled.sample(range(255), size), seed=seed)
        assert same(*play(members, rolled, values=rolled.choice([1, 5, 300]))), (seed, size)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_255_members_at_their_limits() -> None:
    """All at the largest weight and value, so that the sum is as far out as one may be; 20 are silent."""
    members = Members(range(255), threshold=128)
    values, weight = np.array([(1 << 31) - 1, -(1 << 31) + 1, 0], "<i4"), (1 << 24) - 1
    updates = dict.fromkeys(range(255), (weight, values))
    round_ = MaskedRound(layout_of(3), np.zeros(3, "<i4"), updates, members.cast())
    chosen = list(range(20, 255))
    cids = {member: round_.mask(member, members.at(member)) for member in chosen}
    seeds = {member: members.at(member).seed for member in chosen}
    keys = {member: members.at(member).key for member in range(20)}
    inputs = round_.masked_inputs(cids, chosen, seeds, keys)
    assert same(make_model(inputs, round_.bound("model"), 2, None), round_.open_model(chosen))
    assert inputs.surveys[0].largest == 235 * weight * ((1 << 31) - 1)


def whole_round(seed: int = 1, values: int = 5) -> tuple[Members, MaskedRound, dict[int, object]]:
    members = Members([0, 1, 3, 4], seed=seed)
    cast, largest = cast_of_files(members), LIMITS.max_value // 64
    drawn = random_round(cast, random.Random(seed), values=values, largest=largest)
    weights = {0: 400, 1: 300, 3: 900, 4: 600}
    round_ = replace(drawn, updates={m: (weights[m], update) for m, (_, update) in drawn.updates.items()})
    return members, round_, {member: round_.mask(member, members.at(member)) for member in members.segment.members}


def inputs_of(members: Members, round_: MaskedRound, cids: dict, chosen: list[int]):  # type: ignore[no-untyped-def]
    seeds = {member: members.at(member).seed for member in chosen}
    keys = {member: members.at(member).key for member in members.segment.members if member not in chosen}
    return round_.masked_inputs(cids, chosen, seeds, keys)


@pytest.mark.parametrize("threads", [1, 3])
def test_over_many_blocks_and_with_threads(threads: int) -> None:
    members, round_, cids = whole_round(values=300_000)
    inputs = inputs_of(members, round_, cids, [0, 1, 4])
    made = make_model(inputs, round_.bound("model"), threads, None)
    assert same(made, round_.open_model([0, 1, 4]))
    again = make_model(inputs, round_.bound("model"), threads, None)
    assert same(again, made)


def test_any_chunk_of_the_model_is_made_alone() -> None:
    members, round_, cids = whole_round(values=1000)
    inputs = inputs_of(members, round_, cids, [0, 3, 4])
    whole = np.concatenate([band.model() for band in inputs.bands(1)])
    for start, stop in ((0, 256), (256, 512), (768, 1000)):
        assert inputs.model(start, stop).tolist() == whole[start:stop].tolist()


def test_a_masked_file_that_is_cut_ends_the_model_by_name() -> None:
    members, round_, cids = whole_round()
    inputs = inputs_of(members, round_, cids, [0, 1, 3, 4])
    round_.files[str(cids[3])] = round_.files[str(cids[3])][:-1]
    with pytest.raises(Malformed, match=f"{cids[3]} is truncated"):
        make_model(inputs, round_.bound("model"), 1, None)


def test_a_masked_update_is_judged_by_header_and_root() -> None:
    _, round_, cids = whole_round()
    file, layout = round_.files[str(cids[0])], round_.layout

    def judge_masked(pieces: Iterator[bytes], layout: Layout, binding: Binding, root: bytes) -> Decision:
        return MaskedReading(layout, binding, root, LIMITS, lambda _: pieces).judge()

    body = file[layout.masked.header_size :]
    known = replace_open(round_)
    assert judge_masked(iter([file]), layout, known, root_of(body)).verdict is Verdict.ADMITTED
    assert judge_masked(iter([file]), layout, known, bytes(32)).verdict is Verdict.ROOT
    for wrong in (file[:-1], file + b"\0", b"", body, file.replace(b'"masked"', b'"update"')):
        assert judge_masked(iter([wrong]), layout, known, root_of(body)).verdict is Verdict.HEADER
    other = replace_open(round_, chain=CHAIN + 1)
    assert "another chain" in judge_masked(iter([file]), layout, other, root_of(body)).message


def replace_open(round_: MaskedRound, **change: int):  # type: ignore[no-untyped-def]
    """What everyone knows of a masked update's header."""
    from msgspec.structs import replace as changed

    return changed(round_.bound("masked"), rows=0, data=b"", **change)


def products(members: Members, round_: MaskedRound, cids: dict, member: int) -> list[Sums]:  # type: ignore[type-arg]
    """What opening a member's update shows."""
    masks = opening(round_.cast, member, members.at(member).key, members.at(member).seed)
    bands = zip(round_.layout.bands(), MaskedBands(round_.layout, cids[member], round_.fetch), strict=True)
    return [unmasked(words.copy(), masks, start) for (start, _), words in bands]


@pytest.mark.parametrize("lie", ["noise", "a value above the bound", "a norm above the bound"])
def test_a_bad_update_is_found_by_the_sum_and_convicted_by_its_opening(lie: str) -> None:
    """One in four is bad: the round is void, all open it, and the three honest are cleared."""
    members, round_, cids = whole_round(values=64)
    weight = round_.updates[3][0]
    if lie == "noise":
        head = round_.layout.masked.header(round_.bound("masked"))
        cids[3] = round_.put(head + random.Random(3).randbytes(8 * 64))
    else:
        bad = np.full(64, 1 << 20, "<i4") if "norm" in lie else np.array([(1 << 31) - 1] * 64, "<i4")
        round_.updates[3] = weight, bad  # type: ignore[index]
        cids[3] = round_.mask(3, members.at(3))
    inputs = inputs_of(members, round_, cids, [0, 1, 3, 4])
    make_model(inputs, round_.bound("model"), 1, None)
    found = inputs.surveys[0].judge(inputs.weights, LIMITS).verdict
    assert found is not Verdict.ADMITTED
    opened = {member: products(members, round_, cids, member) for member in (0, 1, 3, 4)}
    verdicts = {m: judge_opened(runs, round_.updates[m][0], LIMITS) for m, runs in opened.items()}
    assert [m for m, one in verdicts.items() if one.verdict is not Verdict.ADMITTED] == [3]
    assert verdicts[3].verdict is (Verdict.NORM if "norm" in lie else Verdict.RANGE)
    assert "value number 0" in verdicts[3].message or "squared norm" in verdicts[3].message


def test_garbage_behind_a_value_that_saturates_is_found_too() -> None:
    """A model that saturates in its first band ends there; the sum's bounds are those of all its values."""
    values = 1_500_000
    members, round_, cids = whole_round(values=values)
    round_.base[0] = (1 << 31) - 1
    wrong = np.zeros(values, "<i4")
    wrong[0], wrong[-1] = LIMITS.max_value, (1 << 31) - 1
    round_.updates[3] = 900, wrong  # type: ignore[index]
    cids[3] = round_.mask(3, members.at(3))
    inputs = inputs_of(members, round_, cids, [0, 1, 3, 4])
    assert "does not fit into int32" in make_model(inputs, round_.bound("model"), 1, None).why
    inputs.limits = LIMITS
    assert make_model(inputs, round_.bound("model"), 1, None).why.startswith("RANGE of the sum: ")
    assert inputs.surveys[0].values == values


@pytest.mark.parametrize("refuses", [0, 3])
def test_one_that_does_not_open_is_opened_by_the_sum(refuses: int) -> None:
    members, round_, cids = whole_round(values=64)
    round_.updates[3] = 900, np.full(64, 1 << 20, "<i4")  # type: ignore[index]
    cids[3] = round_.mask(3, members.at(3))
    inputs = inputs_of(members, round_, cids, [0, 1, 3, 4])
    sums = [band.mean.sums for band in inputs.bands(1)]
    others = [products(members, round_, cids, member) for member in (0, 1, 3, 4) if member != refuses]
    rest = [left_over(run, opened) for run, *opened in zip(sums, *others, strict=True)]
    verdict = judge_opened(rest, round_.updates[refuses][0], LIMITS).verdict
    assert verdict is (Verdict.NORM if refuses == 3 else Verdict.ADMITTED)


def test_poison_within_the_sums_bounds_is_not_seen() -> None:
    """The limit that masks have against open updates (docs/spec/masks.md, "What masks cost")."""
    members, round_, cids = whole_round(values=64)
    round_.updates[3] = 900, np.full(64, LIMITS.max_value + 1, "<i4")  # type: ignore[index]
    cids[3] = round_.mask(3, members.at(3))
    inputs = inputs_of(members, round_, cids, [0, 1, 3, 4])
    make_model(inputs, round_.bound("model"), 1, None)
    wide = Admission(min_updates=2, max_weight=1000, max_value=1 << 20, max_norm=1 << 24)
    assert inputs.surveys[0].judge(inputs.weights, wide).verdict is Verdict.ADMITTED
    assert judge_opened(products(members, round_, cids, 3), 900, wide).verdict is Verdict.RANGE


@given(
    runs=st.lists(
        st.lists(st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-9, 9), min_size=1, max_size=5), max_size=4
    )
)
def test_the_bounds_of_a_sum_are_exact(runs: list[list[int]]) -> None:
    survey = SumSurvey()
    for run in runs:
        survey.add(np.array(run, np.int64))
    every = [value for run in runs for value in run]
    assert survey.largest == max(map(abs, every), default=0)
    assert survey.squares == sum(value * value for value in every)


def test_squares_of_a_long_run_of_the_largest_sums_are_exact() -> None:
    survey = SumSurvey()
    survey.add(np.full(100_000, -(1 << 63), np.int64))
    survey.add(np.full(100_000, (1 << 63) - 1, np.int64))
    assert survey.squares == 100_000 * ((1 << 126) + ((1 << 63) - 1) ** 2)


def test_a_sum_exactly_at_its_bounds_is_one_that_honest_updates_can_have() -> None:
    limits = Admission(min_updates=2, max_weight=9, max_value=10, max_norm=10)
    for value, verdict in ((50, Verdict.ADMITTED), (-50, Verdict.ADMITTED), (51, Verdict.RANGE), (-51, Verdict.RANGE)):
        survey = SumSurvey()
        survey.add(np.array([value, 0], np.int64))
        assert survey.judge([2, 3], limits).verdict is verdict
    survey = SumSurvey()
    survey.add(np.array([50, 1], np.int64))
    assert survey.judge([2, 3], limits).verdict is Verdict.NORM


@pytest.mark.parametrize(
    ("run", "verdict", "message"),
    [
        ([3, -6, 9], Verdict.ADMITTED, ""),
        ([3, -6, 10], Verdict.RANGE, "value number 2 is not a multiple of the weight: 10"),
        ([3, -33, 9], Verdict.RANGE, "value number 1 is -11, at most 10 allowed"),
        ([30, 30, 0], Verdict.NORM, "squared norm 200"),
        ([-(1 << 63), 0, 0], Verdict.RANGE, "value number 0 is not a multiple"),
    ],
)
def test_an_opened_update_is_judged_by_its_products(run: list[int], verdict: Verdict, message: str) -> None:
    limits = Admission(min_updates=2, max_weight=9, max_value=10, max_norm=11)
    found = judge_opened([np.array(run, np.int64)], 3, limits)
    assert found.verdict is verdict
    assert found.message.startswith(message)
