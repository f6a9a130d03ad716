"""Writes budget.json beside it: `python tests/vectors/make_budget.py`. A change of any byte is a new format."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger.budget.costs import cost
from ledger.budget.epsilon import budget, epsilon
from ledger.formats.digest import sha256
from ledger.jobs.noise import scope_key

NOISES = {
    "breast cancer": ("2.36", "0.28", 4, 8),
    "digits": ("1.253", "0.089", 11, 9),
    "full batches": ("8", "1", 4, 256),
    "least noise, most orders": ("0.1", "0.5", 1, 256),
    "most noise": ("1000000", "0.000001", 1, 2),
    "two orders": ("1", "0.999999", 65536, 3),
}
"""Noise, sampling, steps and orders."""
DELTAS = ("0.1", "0.00001", "0.000000000001")
BUDGETS = [("4", "0.00001", 8), ("0.5", "0.00001", 48), ("0.01", "0.00001", 8), ("1000", "0.1", 2)]
"""ε, δ and an order."""


def text() -> str:
    """What the file must hold."""
    return (
        json.dumps(
            {
                "costs": [_cost(name, *said) for name, said in NOISES.items()],
                "budgets": [
                    {
                        "epsilon": said,
                        "delta": delta,
                        "order": order,
                        "budget": budget(Decimal(said), Decimal(delta), order),
                    }
                    for said, delta, order in BUDGETS
                ],
                "scopes": [{"name": name, "key": scope_key(name).hex()} for name in ("patients-2026", "!", "~" * 200)],
                "seeds": [_seed(number) for number in (1, (1 << 24) - 1)],
            },
            indent=1,
        )
        + "\n"
    )


def _cost(name: str, noise: str, sampling: str, steps: int, orders: int) -> dict[str, Any]:
    spent = cost(Decimal(noise), Decimal(sampling), steps, orders)
    said = {"name": name, "noise": noise, "sampling": sampling, "steps": steps, "orders": orders, "cost": spent}
    return said | {"epsilon": {delta: str(epsilon(10 * spent, orders, Decimal(delta))) for delta in DELTAS}}


def _seed(number: int) -> dict[str, Any]:
    """A round's seed, the first words of its stream, and coins of it."""
    from participant.privacy.randomness import Randomness, noise_seed

    salt, job, base = (sha256(word) for word in (b"salt", b"job", b"base"))
    seed = noise_seed(salt, job, number, base, [sha256(b"leaf %d" % leaf) for leaf in range(3)])
    coins = {text: Randomness(seed).coins(16, Decimal(text)).astype(int).tolist() for text in ("0.5", "0.089", "1")}
    return {"round": number, "seed": seed.reveal().hex(), "coins": coins}


if __name__ == "__main__":
    Path(__file__).with_name("budget.json").write_text(text(), encoding="utf-8")
