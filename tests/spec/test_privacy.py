"""The page on privacy, the frozen vectors and the code say the same."""

import json
import re
from pathlib import Path

from ledger.formats.digest import encode
from ledger.jobs.members import ClientNoise
from ledger.jobs.noise import BOUNDS, MAX_BUDGET, MAX_STEPS, ExampleNoise, check_noise

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "spec" / "privacy.md").read_text(encoding="utf-8")
NAMES = ("noise", "sampling", "steps", "orders", "cost")
VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "budget.json"


def example() -> str:
    """The first of the vectors, with a budget of ten rounds."""
    case = json.loads(VECTORS.read_text(encoding="utf-8"))["costs"][0]
    said = ExampleNoise(
        clip="1",
        delta="0.00001",
        budget=10 * case["cost"],
        scope="patients-2026",
        **{name: case[name] for name in NAMES},
    )
    check_noise(said)
    return (
        f"{encode(said).decode()}\n\n"
        f"the scope's key     {said.scope_key.hex()}\n"
        f"ε of a round        {said.epsilon(said.cost)}\n"
        f"ε of ten rounds     {said.epsilon(said.budget)}\n"
    )


def test_the_example_that_opens_the_page_is_true() -> None:
    found = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert found
    assert found[1] == example()


def example_of_members() -> str:
    """The first cost of the vectors of level `client`, with a budget of ten rounds."""
    case = json.loads(VECTORS.with_name("noise.json").read_text(encoding="utf-8"))["costs"][0]
    about = {"delta": "0.00001", "orders": 8, "budget": 10 * case["cost"], "scope": "members-2026"}
    said = ClientNoise(grain=64, **about, **{name: case[name] for name in ("clip", "variance", "cost")})
    lines = (
        f"{encode(said).decode()}\n",
        f"values of an update {case['values']}",
        f"the least set       3 members, each of rate {said.rate(3)}",
        f"noise in clips      {said.noise}",
        f"ε of a round        {said.epsilon(said.cost)}",
        f"ε of ten rounds     {said.epsilon(said.budget)}\n",
    )
    return "\n".join(lines)


def test_the_example_of_members_is_true() -> None:
    found = re.search(r"## Hiding members\n\n```text\n(.*?)```", PAGE, re.DOTALL)
    assert found
    assert found[1] == example_of_members()


def test_the_bounds_on_the_page_are_those_of_the_code() -> None:
    assert f"{MAX_STEPS:,}" in PAGE
    assert MAX_BUDGET == 2**62 - 1
    assert "2^62 − 1" in PAGE
    for field in ("clip", "noise", "sampling"):
        low, high = BOUNDS[field]
        row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{field}` "))
        assert f"{low} to {int(high):,}" in row, field


if __name__ == "__main__":
    print(example(), example_of_members(), sep="\n", end="")
