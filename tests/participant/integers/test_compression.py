"""Rounding an update to few bits, held to an oracle in Python's integers; what it takes is never lost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.worlds.world import World

from ledger.formats.artifact import Layout, Tensor
from ledger.formats.compressed.packed import packed
from ledger.formats.compressed.packing import Bits, Packing
from ledger.formats.integers import ratio
from ledger.jobs.compression import Compression
from ledger.rounds.admission import Verdict, judge_values
from participant.integers import compression
from participant.integers.compression import compressed, rounded

BITS: list[Bits] = [8, 4]
INT32 = st.integers(-(1 << 31) + 1, (1 << 31) - 1)
SMALL = st.integers(-2000, 2000)


def oracle(values: list[int], most: int, bits: int) -> list[int]:
    """The least shift with which the nearest of the largest has a q; each value to the nearest, half away from zero."""
    top = max(map(abs, values))
    shift = next(s for s in range(40) if ratio(top, 1 << s) <= most or s == 32 - bits)
    return [max(-most, min(most, ratio(value, 1 << shift))) << shift for value in values]


@given(st.data(), st.sampled_from(BITS), st.lists(st.integers(1, 6), min_size=1, max_size=3), st.booleans())
def test_each_tensor_is_rounded_as_the_oracle_says(
    data: st.DataObject, bits: Bits, sizes: list[int], wide: bool
) -> None:
    packing = Packing(Layout(tuple(Tensor(f"t{number}", (size,)) for number, size in enumerate(sizes))), bits)
    tensors = [data.draw(st.lists(INT32 if wide else SMALL, min_size=size, max_size=size)) for size in sizes]
    update = np.array([value for tensor in tensors for value in tensor], np.int32)
    made, left = rounded(packing, update, (1 << 31) - 1)
    expected = [value for tensor in tensors for value in oracle(tensor, packing.most, bits)]
    assert made.tolist() == expected
    assert (made.astype(np.int64) + left == update).all()
    packed(packing, made)


@given(st.data(), st.sampled_from(BITS), st.integers(1, 1 << 30))
def test_what_is_within_the_bound_stays_within(data: st.DataObject, bits: Bits, bound: int) -> None:
    packing = Packing(Layout((Tensor("w", (5,)),)), bits)
    update = np.array(data.draw(st.lists(st.integers(-bound, bound), min_size=5, max_size=5)), np.int32)
    residue = np.array(data.draw(st.lists(st.integers(-bound, bound), min_size=5, max_size=5)), np.int32)
    made, left = rounded(packing, update, bound, residue)
    assert np.abs(made).max() <= bound
    assert (made.astype(np.int64) + left == update.astype(np.int64) + residue).all()
    packed(packing, made)


@pytest.mark.parametrize("bits", BITS)
def test_with_feedback_what_is_sent_adds_up_to_what_was_trained(bits: Bits) -> None:
    packing = Packing(Layout((Tensor("a", (3,)), Tensor("w", (200,)))), bits)
    random, residue = np.random.default_rng(1), np.zeros(203, np.int32)
    trained, sent, alone = (np.zeros(203, np.int64) for _ in range(3))
    for _ in range(40):
        update = random.integers(-(1 << 18), 1 << 18, 203).astype(np.int32) + np.int32(999)
        made, residue = rounded(packing, update, 1 << 20, residue)
        trained, sent = trained + update, sent + made
        alone += rounded(packing, update, 1 << 20)[0]
    assert (sent + residue == trained).all()
    assert np.abs(trained - sent).max() <= 1 << 20 - bits
    assert np.abs(trained - sent).sum() * 3 < np.abs(trained - alone).sum()


@pytest.mark.parametrize("bits", BITS)
def test_pieces_play_no_part(bits: Bits, monkeypatch: pytest.MonkeyPatch) -> None:
    packing = Packing(Layout((Tensor("a", (7,)), Tensor("w", (100,)))), bits)
    update = np.random.default_rng(2).integers(-(1 << 20), 1 << 20, 107).astype(np.int32)
    whole = rounded(packing, update, 1 << 20, update[::-1].copy())
    monkeypatch.setattr(compression, "PIECE", 3)
    again = rounded(packing, update, 1 << 20, update[::-1].copy())
    assert all((one == other).all() for one, other in zip(whole, again, strict=True))


def test_what_is_beyond_the_bound_is_not_made_to_look_as_if_it_were_not() -> None:
    """Its party hears that it would be refused, as without compression."""
    packing = Packing(Layout((Tensor("w", (2,)),)), 8)
    made, _ = rounded(packing, np.array([1 << 21, 5], np.int32), 1 << 20)
    assert made.tolist() == [1 << 21, 0]


def test_an_update_of_zeros_is_one() -> None:
    packing = Packing(Layout((Tensor("w", (3,)),)), 8)
    made, left = rounded(packing, np.zeros(3, np.int32), 1)
    assert (made.tolist(), left.tolist(), bytes(packed(packing, made))) == ([0, 0, 0], [0, 0, 0], bytes(4))


@pytest.mark.parametrize(("feedback", "on_norm"), [(True, "refuse"), (False, "refuse"), (True, "clip")])
def test_what_rounding_took_does_not_keep_a_party_out(feedback: bool, on_norm: str) -> None:
    """A large value and many small ones, which come to half a step all at once: far beyond the job's norm."""
    draft = World(tensors=(Tensor("w", (10_001,)),), compression=Compression(bits=4, error_feedback=feedback)).job
    limits = replace(draft.admission, max_value=1 << 20, max_norm=10_000, on_norm=on_norm)
    job = replace(draft, admission=limits)
    update = np.array([1600, *[30] * 10_000], np.int32)
    sent, residue, verdicts = np.zeros(10_001, np.int64), None, list[Verdict]()
    for _ in range(12):
        made, residue = compressed(job, update, residue)
        verdicts.append(judge_values(made, limits).verdict)
        sent += made
        packed(job.packing, made)
    assert set(verdicts) == {Verdict.ADMITTED}
    if feedback:
        assert (sent + residue == 12 * update.astype(np.int64)).all(), "nothing is lost"
    else:
        assert residue is None


def test_an_update_that_rounding_alone_would_make_too_long_is_rounded_towards_zero() -> None:
    draft = World(tensors=(Tensor("w", (9,)),), compression=Compression(bits=4, error_feedback=False)).job
    update = np.array([7 << 8, *[5 << 7] * 8], np.int32)
    limits = replace(draft.admission, max_value=1 << 20, max_norm=int(np.sqrt(np.square(update).sum())) + 1)
    made, _ = compressed(replace(draft, admission=limits), update)
    assert judge_values(made, limits).verdict is Verdict.ADMITTED
    assert made.tolist() == [7 << 8, *[2 << 8] * 8]
    beyond, _ = compressed(replace(draft, admission=replace(limits, max_norm=100)), update)
    assert beyond.tolist() == [7 << 8, *[3 << 8] * 8], "what is too long itself stays so"
