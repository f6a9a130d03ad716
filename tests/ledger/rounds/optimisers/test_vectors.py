"""Server optimisers make what plain integers make, value by value, with any of a processor's instructions."""

import ast
import json
import os
import subprocess
import sys
from math import isqrt
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.vectors import script

from ledger.jobs.server import Server
from ledger.rounds.optimisers import Turnout, stepped
from ledger.rounds.optimisers.arithmetic import ratio, share, square_root

ROOT = Path(__file__).resolve().parents[4]
VECTORS = ROOT / "tests" / "vectors"
MAKE = script("make_optimisers")
CASES = json.loads((VECTORS / "optimisers.json").read_text(encoding="utf-8"))["cases"]
ORDERED = {
    "sum",
    "dot",
    "power",
    "matmul",
    "einsum",
    "vdot",
    "inner",
    "tensordot",
    "mean",
    "prod",
    "cumsum",
    "exp",
    "log",
}
"""Operations on floats whose result depends on the machine, or on the order in which it works."""


def wide(values: list[int]) -> np.ndarray:
    return np.array(values, np.int64)


def test_the_vectors_are_what_their_script_makes() -> None:
    assert (VECTORS / "optimisers.json").read_text(encoding="utf-8") == MAKE.text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['server']['optimiser']}, {case['fraction_bits']} bits")
def test_every_step_is_that_of_plain_integers(case: dict[str, Any]) -> None:
    server = msgspec.convert(case["server"], Server)
    assert list(server.streams) == case["streams"]
    turnout, bits = Turnout(case["updates"], case["parties"]), case["fraction_bits"]
    state: tuple[np.ndarray, ...] = tuple(np.zeros(len(case["extreme"]["means"]), np.int64) for _ in server.streams)
    for round_ in case["rounds"]:
        change, state = stepped(server, wide(round_["means"]), state, turnout, bits)
        assert change.tolist() == round_["changes"]
        assert [values.tolist() for values in state] == round_["state"]
    last = case["extreme"]
    change, state = stepped(server, wide(last["means"]), [wide(one) for one in last["before"]], turnout, bits)
    assert (change.tolist(), [values.tolist() for values in state]) == (last["changes"], last["state"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['server']['optimiser']}, {case['fraction_bits']} bits")
@pytest.mark.parametrize("mean", [1 << 31, -(1 << 31) - 1, 1 << 36, -(1 << 36)])
def test_a_mean_beyond_int32_counts_as_the_nearest(case: dict[str, Any], mean: int) -> None:
    """Noise under masks may lead there: by its largest grain and rate, of three members."""
    server, bits = msgspec.convert(case["server"], Server), case["fraction_bits"]
    before = [5 for _ in server.streams]
    change, state = stepped(server, wide([mean]), [wide([one]) for one in before], Turnout(3, 3), bits)
    nearest = MAKE.step(case["server"], MAKE.clipped(mean), before, (3, 3), bits)
    assert (change.tolist(), [values.tolist() for values in state]) == ([nearest[0]], [[one] for one in nearest[1]])


def test_square_roots_are_exact_where_they_turn() -> None:
    roots = np.unique(
        np.concatenate([np.arange(1, 1 << 16), np.random.default_rng(1).integers(1, (1 << 31) - 1, 1 << 20)])
    )
    for off in (-1, 0, 1):
        assert (square_root(roots * roots + off) == roots - (off == -1)).all()


def test_square_roots_are_those_of_plain_integers() -> None:
    values = np.random.default_rng(2).integers(0, 1 << 62, 1_000_000)
    values >>= np.random.default_rng(3).integers(0, 62, 1_000_000)
    assert square_root(values).tolist() == [isqrt(value) for value in values.tolist()]


@given(st.integers(-(1 << 61), 1 << 61), st.integers(1, 1 << 40))
def test_a_division_rounds_half_away_from_zero(above: int, below: int) -> None:
    assert ratio(wide([above]), below).tolist() == [MAKE.rounded(above, below)]
    assert ratio(wide([above]), wide([below])).tolist() == [MAKE.rounded(above, below)]


@given(st.integers(-(1 << 45), 1 << 45), st.integers(0, 1 << 16))
def test_a_share_is_one_division(value: int, part: int) -> None:
    assert share(wide([value]), part).tolist() == [MAKE.rounded(value * part, 1 << 16)]


def test_no_operation_depends_on_the_order_of_floats() -> None:
    for path in (ROOT / "ledger" / "rounds" / "optimisers").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not used & ORDERED, path.name
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.MatMult | ast.Pow)], path.name


@pytest.mark.parametrize("without", ["X86_V3 X86_V4", "AVX2 FMA3 AVX512F"])
def test_fewer_instructions_make_the_same_bytes(without: str) -> None:
    made = [_hash({}), _hash({"NPY_DISABLE_CPU_FEATURES": without})]
    assert made[0] == made[1] != ""


def _hash(changes: dict[str, str]) -> str:
    """The hash of what the vectors lead to, in a process of its own."""
    command = [sys.executable, "-W", "ignore", str(VECTORS / "hash_optimisers.py")]
    run = subprocess.run(command, env=os.environ | changes, capture_output=True, text=True, check=True)
    return run.stdout.strip()
