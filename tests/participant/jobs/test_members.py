"""From a draft that hides members to the job's numbers: enough noise for the rounds, grains that are fine enough."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.noisy import write_noisy_draft

from ledger.budget.members import LEAST_RATE, MOST_RATE, member_cost
from ledger.errors import Malformed
from ledger.formats.unixfs import cid_of
from ledger.jobs.members import MOST_GRAIN
from participant.jobs.draft import DraftMembers
from participant.jobs.members import FINE_CLIP, FINE_RATE, Shape, chosen, member_noise_of

DRAFT = DraftMembers(epsilon=Decimal(8), delta=Decimal("0.00001"), scope="members")
SHAPE = Shape(norm=1 << 23, values=5000, members=14)


@given(
    epsilon=st.decimals("0.1", "50", places=1),
    rounds=st.integers(1, 100),
    norm=st.integers(1 << 12, 1 << 34),
    values=st.integers(1, 1 << 24),
    members=st.integers(3, 255),
)
def test_the_noise_lasts_and_the_budget_keeps_its_word(
    epsilon: Decimal, rounds: int, norm: int, values: int, members: int
) -> None:
    shape = Shape(norm, values, members)
    try:
        said = member_noise_of(replace(DRAFT, epsilon=epsilon), rounds, shape)
    except Malformed as error:
        assert "no grain fits" in error.message
        return
    assert said.rounds >= rounds
    assert said.epsilon(said.budget) <= epsilon
    assert said.cost == member_cost(said.clip, said.variance, values)
    assert LEAST_RATE <= said.rate(members) <= MOST_RATE
    assert said.variance == 2 * members * said.rate(members)
    assert said.clip * said.grain <= norm < (said.clip + 1) * said.grain
    assert said.grain & (said.grain - 1) == 0
    assert said.grain <= MOST_GRAIN


def test_grains_are_as_large_as_they_may_be() -> None:
    clip, grain, variance = chosen(Decimal(1), SHAPE)
    rate = variance // (2 * SHAPE.members)
    assert rate >= FINE_RATE
    assert clip**2 >= FINE_CLIP * SHAPE.values
    assert (clip // 2) ** 2 < FINE_CLIP * SHAPE.values or rate // 4 < FINE_RATE
    assert clip * grain == SHAPE.norm


def test_noise_and_orders_that_are_given_are_kept() -> None:
    said = member_noise_of(replace(DRAFT, noise=Decimal("2.5"), orders=5), 1, SHAPE)
    assert said.noise == "2.5"
    assert said.orders == 5


def test_noise_is_about_as_others_have_it() -> None:
    """√V / D of Gaussian noise for ε = 8 in one round, by zero-concentrated differential privacy alone."""
    said = member_noise_of(DRAFT, 1, SHAPE)
    assert 0.5 < float(said.noise) < 1.0


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"noise": Decimal("0.01")}, "not even one round"),
    ({"epsilon": Decimal(0)}, "dp.epsilon is out of range"),
    ({"delta": Decimal(1)}, "dp.delta is out of range"),
    ({"noise": Decimal(0)}, "dp.noise is out of range"),
    ({"orders": 1}, "dp.orders is out of range"),
    ({"epsilon": Decimal("0.0001"), "orders": 2}, "no budget is within"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_what_cannot_be_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        member_noise_of(replace(DRAFT, **changes), 10, SHAPE)


def test_a_norm_without_room_for_noise_is_refused() -> None:
    with pytest.raises(Malformed, match="no grain fits the noise"):
        chosen(Decimal("0.001"), Shape(norm=3, values=10, members=3))


def test_a_draft_becomes_a_job_whose_clip_is_its_norm(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')
    from participant.jobs.creation import create
    from participant.jobs.draft import read

    path = tmp_path / "job.toml"
    text = write_noisy_draft(path, settings="epochs = 2").read_text()
    asked = 'level = "client"\nepsilon = 8\ndelta = 1e-5\nscope = "members-2026"\n{}\n'
    masked = '[privacy]\nmode = "masked"\nweights = "equal"\n'
    whole = text.replace("max_weight = 500", "max_weight = 1").replace("min_updates = 2", "min_updates = 3")
    start, stop = whole.index('level = "example"'), whole.index("[admission]")
    path.write_text(whole[:start] + asked.format(masked) + whole[stop:])
    made = create(read(path), lambda pieces, _: cid_of(pieces)[0])
    said = made.member_noise
    assert said is not None
    assert made.admission.max_norm == said.clip * said.grain
    assert abs(made.admission.max_norm - (40 << 24)) < said.grain
    assert said.rounds >= made.terms.rounds
    assert "whole members" in said.words
    path.write_text(whole[:start] + asked.format("") + whole[stop:])
    with pytest.raises(Malformed, match="updates are read one by one"):
        create(read(path), lambda pieces, _: cid_of(pieces)[0])
    path.write_text(whole[:start] + asked.format(masked.replace('weights = "equal"\n', "")) + whole[stop:])
    with pytest.raises(Malformed, match="needs weights of 1"):
        create(read(path), lambda pieces, _: cid_of(pieces)[0])
