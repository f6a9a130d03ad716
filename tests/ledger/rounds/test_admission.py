"""Admission: each verdict by a case that earns it and nothing else."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.judging import judge_bytes
from support.worlds.world import LIMITS, TENSORS, Files, World, altered, artifact

from ledger.errors import Malformed, Unavailable
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.cid import DAG_PB, RAW, Cid
from ledger.formats.merkle import root_of
from ledger.kernel import survey
from ledger.rounds.admission import Decision, Verdict, weigh
from ledger.rounds.one_pass import Pass

OTHER = Layout((TENSORS[0], Tensor("layer.weight", (20, 30))))
VALUES = np.arange(-300, 310, dtype="<i4")


def judged(world: World) -> Decision:
    """The verdict on member 0's update of the current round."""
    return Pass(world.facts, world.files.fetch, [0]).decision(0)


def bound(world: World, **changes: Any) -> bytes:
    binding = msgspec.structs.replace(world.binding(0), **changes)
    return artifact(world.layout, binding, VALUES)


CASES = {
    "honest": (Verdict.ADMITTED, lambda w: {}),
    "heaviest": (Verdict.ADMITTED, lambda w: {"weight": LIMITS.max_weight}),
    "largest value": (Verdict.ADMITTED, lambda w: {"values": altered(VALUES * 0, 5, LIMITS.max_value)}),
    "empty file": (Verdict.HEADER, lambda w: {"data": b""}),
    "a pickle": (Verdict.HEADER, lambda w: {"data": b"\x80\x04K\x01." * 9}),
    "truncated": (Verdict.HEADER, lambda w: {"data": bound(w)[:-4]}),
    "one byte more": (Verdict.HEADER, lambda w: {"data": bound(w) + b"\0"}),
    "another format": (Verdict.HEADER, lambda w: {"data": bound(w).replace(b"fedledger/1", b"fedledger/2")}),
    "floats": (Verdict.HEADER, lambda w: {"data": bound(w).replace(b'"I32"', b'"F32"')}),
    "spaces in the header": (Verdict.HEADER, lambda w: {"data": bound(w).replace(b"  ", b" \n", 1)}),
    "a model": (Verdict.HEADER, lambda w: {"data": bound(w, kind="model")}),
    "another chain": (Verdict.HEADER, lambda w: {"data": bound(w, chain=1)}),
    "another contract": (Verdict.HEADER, lambda w: {"data": bound(w, contract="0x" + "1" * 40)}),
    "another job": (Verdict.HEADER, lambda w: {"data": bound(w, job=2)}),
    "another round": (Verdict.HEADER, lambda w: {"data": bound(w, round=9)}),
    "another's update": (Verdict.HEADER, lambda w: {"data": bound(w, party=w.keys[1])}),
    "another base": (Verdict.HEADER, lambda w: {"data": bound(w, base=bytes(32))}),
    "another shape": (Verdict.HEADER, lambda w: {"data": artifact(OTHER, w.binding(0), VALUES)}),
    "a tensor less": (Verdict.HEADER, lambda w: {"data": artifact(Layout(TENSORS[:1]), w.binding(0), VALUES[:10])}),
    "another root": (Verdict.ROOT, lambda w: {"root": bytes(32)}),
    "one value else": (Verdict.ROOT, lambda w: {"root": root_of(altered(VALUES, 3))}),
    "too heavy": (Verdict.WEIGHT, lambda w: {"weight": LIMITS.max_weight + 1}),
    "out of range": (Verdict.RANGE, lambda w: {"values": altered(VALUES * 0, 7, (1 << 20) + 1)}),
    "below range": (Verdict.RANGE, lambda w: {"values": altered(VALUES * 0, 7, -(1 << 20) - 1)}),
    "the lowest int32": (Verdict.RANGE, lambda w: {"values": altered(VALUES * 0, 7, -(1 << 31))}),
    "too long": (Verdict.NORM, lambda w: {"values": VALUES * 0 + (1 << 20), "limits": {"max_norm": 1 << 24}}),
}  # fmt: skip


@pytest.mark.parametrize(("verdict", "case"), CASES.values(), ids=CASES.keys())
@pytest.mark.parametrize("piece", [1 << 20, 100])
def test_each_verdict(verdict: Verdict, case: Any, piece: int) -> None:
    world = World(files=Files(piece))
    world.open_job().open_round()
    change = {"values": VALUES} | case(world)
    if "limits" in change:
        limits = msgspec.structs.replace(LIMITS, **change.pop("limits"))
        world.job = msgspec.structs.replace(world.job, admission=limits)
    world.submit(0, **change)
    decision = judged(world)
    assert decision.verdict is verdict, decision.message
    assert bool(decision.message) == (verdict is not Verdict.ADMITTED)
    assert (decision.squares is None) == (verdict in {Verdict.HEADER, Verdict.ROOT, Verdict.WEIGHT})


def test_a_good_update_can_use_all_of_the_norm() -> None:
    squares = int((VALUES.astype(object) ** 2).sum())
    data = artifact(Layout(TENSORS), (binding := World().open_job().open_round().binding(0)), VALUES)

    def verdict(norm: int) -> Verdict:
        limits = msgspec.structs.replace(LIMITS, max_norm=norm)
        return judge_bytes(iter([data]), Layout(TENSORS), binding, root_of(VALUES), limits).verdict

    norm = int(squares**0.5)
    assert norm**2 <= squares < (norm + 1) ** 2
    assert verdict(norm + 1) is Verdict.ADMITTED
    assert verdict(norm) is (Verdict.ADMITTED if norm**2 == squares else Verdict.NORM)
    assert verdict(norm - 1) is Verdict.NORM


def test_bytes_that_nobody_has_lead_to_no_verdict() -> None:
    world = World().open_job().open_round()
    world.submit(0, stored=False)
    with pytest.raises(Unavailable):
        judged(world)


def test_a_damaged_copy_leads_to_no_verdict() -> None:
    world = World().open_job().open_round()
    sent = world.submit(0)
    world.files.files[sent.cid] = world.files.files[sent.cid][:-1] + b"\x55"
    with pytest.raises(Unavailable, match="does not match"):
        judged(world)


def test_a_tree_that_is_none_of_the_profile_is_refused() -> None:
    """What a store raises for a file whose digest is right but whose blocks are not a file: its author's doing."""
    world = World().open_job().open_round()
    sent = world.submit(0)

    def fetch(cid: Cid, start: int, stop: int | None) -> Any:
        assert cid == sent.cid
        raise Malformed("a node with other links than its size asks for")
        yield b""

    decision = Pass(world.facts, fetch, [0]).decision(0)
    assert decision.verdict is Verdict.HEADER


def test_the_size_of_the_job_decides_the_codec() -> None:
    world = World(tensors=(Tensor("w", (1 << 18,)),)).open_job().open_round()
    small = World().open_job().open_round()
    assert (world.submit(0).cid.codec, small.submit(0).cid.codec) == (DAG_PB, RAW)
    assert judged(world).verdict is judged(small).verdict is Verdict.ADMITTED


@pytest.mark.parametrize("weight", [0, -1, LIMITS.max_weight + 1, 1 << 32])
def test_weights_out_of_bounds_need_no_bytes(weight: int) -> None:
    assert weigh(weight, LIMITS.max_weight).verdict is Verdict.WEIGHT


@pytest.mark.parametrize("weight", [1, LIMITS.max_weight])
def test_weights_within_bounds(weight: int) -> None:
    assert weigh(weight, LIMITS.max_weight).verdict is Verdict.ADMITTED


@pytest.mark.parametrize(("member", "cap"), [(0, 1000), (1, 10), (2, 1000), (12, 20)])
def test_a_member_may_have_a_cap_of_its_own(member: int, cap: int) -> None:
    limits = msgspec.structs.replace(LIMITS, max_weights={"1": 10, "12": 20})
    assert limits.cap(member) == cap


def test_an_update_above_its_members_cap_is_refused() -> None:
    world = World().open_job().open_round()
    limits = msgspec.structs.replace(LIMITS, max_weights={"1": 10})
    world.job = msgspec.structs.replace(world.job, admission=limits)
    for member in range(3):
        world.submit(member, weight=11)
    outcome = world.outcome()
    assert outcome.verdicts == bytes([0, Verdict.WEIGHT, 0])
    assert "between 1 and 10" in outcome.judged[1].decision.message


def test_every_verdict_has_its_number_for_ever_and_a_meaning() -> None:
    assert {v.name: v.value for v in Verdict} == {
        "ADMITTED": 0,
        "HEADER": 1,
        "ROOT": 5,
        "WEIGHT": 6,
        "RANGE": 7,
        "NORM": 8,
        "UNAVAILABLE": 9,
        "CAST": 10,
        "SET": 11,
        "BUDGET": 12,
        "EDGE": 13,
        "STALE": 14,
    }
    assert all(v.meaning for v in Verdict)


int32 = st.integers(-(1 << 31), (1 << 31) - 1)
EXTREMES = st.sampled_from(
    [-(1 << 31), (1 << 31) - 1, -(1 << 15), (1 << 15) - 1, 1 << 15, -1, 0, 1, 94906265, 94906266]
)


@given(st.lists(int32 | EXTREMES, min_size=1, max_size=300))
def test_a_survey_is_exact(numbers: list[int]) -> None:
    assert survey(np.array(numbers, dtype="<i4")) == (max(map(abs, numbers)), sum(n * n for n in numbers))


@pytest.mark.parametrize("number", [-(1 << 31), (1 << 31) - 1, 1 - (1 << 31), 32767, -32768, 185363, 185364])
@pytest.mark.parametrize("size", [1, 255, 256, 1 << 18])
def test_a_survey_of_a_whole_block(number: int, size: int) -> None:
    values = np.full(size, number, dtype="<i4")
    assert survey(values) == (abs(number), size * number * number)


def test_a_survey_of_a_mixed_block() -> None:
    values = np.random.default_rng(3).integers(-(1 << 31), 1 << 31, 1 << 18).astype("<i4")
    values[:2] = -(1 << 31), (1 << 31) - 1
    assert survey(values) == (1 << 31, sum(int(v) ** 2 for v in values))


def test_a_decision_is_a_value() -> None:
    assert replace(Decision(Verdict.ROOT, "x"), message="") == Decision(Verdict.ROOT)
