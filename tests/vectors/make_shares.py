"""Writes shares.json beside it: `python tests/vectors/make_shares.py`. A change of any byte is a new format.

Rules by shares, and updates that are clipped, by the letter of docs/spec/round.md in Python's own integers: no array,
no code of the ledger, and each distance from the vectors themselves, not from products of pairs.
"""

import json
import sys
from collections.abc import Sequence
from math import isqrt
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("shares.json")
WHOLE = 1 << 16
LOW, HIGH = -(1 << 31), (1 << 31) - 1
Vector = Sequence[int]


def multi_krum(updates: Sequence[Vector], f: int) -> list[int]:
    """The whole for the n - f updates with the nearest neighbours."""
    scores = []
    for k, update in enumerate(updates):
        others = sorted(square(minus(update, other)) for j, other in enumerate(updates) if j != k)
        scores.append((sum(others[: len(updates) - f - 2]), k))
    kept = {k for _, k in sorted(scores)[: len(updates) - f]}
    return [WHOLE if k in kept else 0 for k in range(len(updates))]


def geometric_median(updates: Sequence[Vector]) -> list[int]:
    """Five times: distances, from nothing at first, then from the mean; then shares inverse to them."""
    whole, sums = 1, [0] * len(updates[0])
    for _ in range(5):
        ways = [square([whole * q - s for q, s in zip(update, sums, strict=True)]) for update in updates]
        middle = sorted(ways)[(len(ways) - 1) // 2]
        shares = [WHOLE if 256 * way <= middle else isqrt((middle << 32) // (256 * way)) for way in ways]
        whole, sums = sum(shares), weighted(updates, shares)
    return shares


def centred_clipping(updates: Sequence[Vector], centre: Vector, radius: int) -> list[int]:
    """Three times: ways from the point to the updates, each cut to the radius; the centre's share is the last."""
    whole = len(updates) * WHOLE
    shares = [0] * len(updates)
    for _ in range(3):
        point = weighted([*updates, centre], [*shares, whole - sum(shares)])
        factors = []
        for update in updates:
            way = square([whole * q - p for q, p in zip(update, point, strict=True)])
            longest = (whole * radius) ** 2
            factors.append(WHOLE if way <= longest else isqrt((longest << 32) // way))
        left = whole - sum(factors)
        shares = [share * left // whole + factor for share, factor in zip(shares, factors, strict=True)]
    return [*shares, whole - sum(shares)]


def shares_of(rule: dict[str, Any], updates: Sequence[Vector], centre: Vector) -> list[int]:
    """The shares under a rule as the job's document has it."""
    match rule["rule"]:
        case "multi_krum":
            return multi_krum(updates, rule["f"])
        case "geometric_median":
            return geometric_median(updates)
        case _:
            return centred_clipping(updates, centre, rule["radius"])


def summed(rule: dict[str, Any], updates: Sequence[Vector], centre: Vector) -> Sequence[Vector]:
    """What the shares are of."""
    return [*updates, centre] if rule["rule"] == "centred_clipping" else updates


def factor_of(values: Vector, max_norm: int) -> int:
    """What an update is multiplied by, out of 2^16."""
    squares = square(values)
    return WHOLE if squares <= max_norm**2 else isqrt((max_norm**2 << 32) // squares)


def clipped(values: Vector, factor: int) -> list[int]:
    """The values times the factor, cut towards zero."""
    return [abs(q) * factor // WHOLE * (1 if q >= 0 else -1) for q in values]


def mean(updates: Sequence[Vector], shares: Sequence[int]) -> list[int]:
    """The mean by shares, rounded half away from zero."""
    whole = sum(shares)
    return [(2 * abs(total) + whole) // (2 * whole) * (1 if total >= 0 else -1) for total in weighted(updates, shares)]


def weighted(updates: Sequence[Vector], shares: Sequence[int]) -> list[int]:
    return [sum(s * q for s, q in zip(shares, column, strict=True)) for column in zip(*updates, strict=True)]


def minus(left: Vector, right: Vector) -> list[int]:
    return [a - b for a, b in zip(left, right, strict=True)]


def square(values: Vector) -> int:
    return sum(q * q for q in values)


def integers(count: int, start: int = 0, wide: int = 32) -> list[int]:
    """Numbers that follow from their places, of so many bits."""
    return [((i + start) * 2654435761 % (1 << 32) >> (32 - wide)) - (1 << (wide - 1)) for i in range(count)]


def near(updates: int, *far: Vector) -> list[Vector]:
    """Updates of ten bits, then others."""
    return [*(integers(6, 100 * k, 10) for k in range(updates)), *far]


CASES: list[tuple[str, Sequence[Vector], Vector]] = [
    ("one", [[5, -7]], [1, 1]),
    ("all equal", [[3, -3, 3]] * 5, [3, -3, 3]),
    ("all zero", [[0, 0]] * 5, [0, 0]),
    ("a tie of two pairs", [[0, 0], [0, 2], [10, 0], [10, 2], [5, 1]], [0, 0]),
    ("most are one point", [[1, 1], [1, 1], [1, 1], [1000, -1000], [7, 7]], [0, 0]),
    ("one far", near(5, [HIGH, LOW, HIGH, LOW, HIGH, LOW]), [1, 2, 3, 4, 5, 6]),
    ("two against", near(7, [-300] * 6, [-301] * 6), [20] * 6),
    ("extremes", [[LOW, HIGH], [HIGH, LOW], [LOW, LOW], [HIGH, HIGH], [0, 0], [-1, 1], [HIGH, 0]], [LOW, HIGH]),
    ("wide", [integers(9, 10 * k) for k in range(8)], integers(9, 500)),
]
CLIPPED: list[tuple[Vector, int]] = [
    ([3, 4], 5),
    ([3, -4], 4),
    ([1, -1, 1, -1], 1),
    ([HIGH, LOW, HIGH], 1 << 31),
    ([LOW] * 4, 1),
    (integers(12), 12_345_678),
]


def vectors() -> dict[str, Any]:
    """Updates with a centre, and what each rule makes of them; updates and norms, and what is left of them."""
    cases = []
    for name, updates, centre in CASES:
        said: list[dict[str, Any]] = [{"rule": "geometric_median"}]
        said += [{"rule": "multi_krum", "f": f} for f in (1, 2) if len(updates) >= 2 * f + 3]
        said += [{"rule": "centred_clipping", "radius": radius} for radius in (1, 500, 1 << 31)]
        rules = []
        for rule in said:
            shares = shares_of(rule, updates, centre)
            rules.append({"rule": rule, "shares": shares, "mean": mean(summed(rule, updates, centre), shares)})
        cases.append({"name": name, "updates": updates, "centre": centre, "rules": rules})
    cut = []
    for values, max_norm in CLIPPED:
        factor = factor_of(values, max_norm)
        cut.append({"values": values, "max_norm": max_norm, "factor": factor, "clipped": clipped(values, factor)})
    return {"cases": cases, "clipped": cut}


def text() -> str:
    """What the file must hold."""
    return json.dumps(vectors(), indent=1) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"wrote {FILE.name}\n")
