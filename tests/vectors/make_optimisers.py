"""Writes optimisers.json: what server optimisers make of mean updates, in plain integers, value by value.

    .venv/bin/python tests/vectors/make_optimisers.py

It shares no code with the product but the names of optimisers: docs/spec/round.md, "Server optimisers", is read again.
"""

import json
import sys
from fractions import Fraction
from math import isqrt
from pathlib import Path
from random import Random
from typing import Any

FOLDER = Path(__file__).resolve().parent
ONE = 1 << 16
CAP = 1 << 45
LOW, HIGH = -(1 << 31), (1 << 31) - 1
CASES: list[dict[str, Any]] = [
    {"optimiser": "momentum", "rate": "1", "beta": "0.9"},
    {"optimiser": "momentum", "rate": "0.33333", "beta": "0.99998"},
    {"optimiser": "momentum", "rate": "16", "beta": "0"},
    {"optimiser": "adam", "rate": "0.1", "beta1": "0.9", "beta2": "0.99", "tau": "0.001"},
    {"optimiser": "adam", "rate": "1", "beta1": "0", "beta2": "0", "tau": "0.000001"},
    {"optimiser": "adam", "rate": "0.00002", "beta1": "0.99998", "beta2": "0.99998", "tau": "1"},
    {"optimiser": "yogi", "rate": "0.1", "beta1": "0.9", "beta2": "0.99", "tau": "0.001"},
    {"optimiser": "yogi", "rate": "1", "beta1": "0.5", "beta2": "0", "tau": "0.000001"},
    {"optimiser": "adagrad", "rate": "0.1", "tau": "0.001"},
    {"optimiser": "adagrad", "rate": "1", "tau": "0.000001"},
    {"optimiser": "dyn", "alpha": "0.1"},
    {"optimiser": "scaffold", "rate": "1"},
    {"optimiser": "scaffold", "rate": "0.5"},
]
MEANS = [0, 1, -1, 2, 11, -12, 127, 128, 4096, -65536, 1 << 20, -(1 << 24), 94_906_265, LOW, HIGH, 123_456_789]


def rounded(above: int, below: int) -> int:
    """above / below to the nearest integer, half away from zero."""
    size = (2 * abs(above) + below) // (2 * below)
    return -size if above < 0 else size


def number(server: dict[str, Any], field: str) -> int:
    value = Fraction(server[field]) * (1 << 24 if field == "tau" else ONE)
    return rounded(value.numerator, value.denominator)


def clipped(value: int) -> int:
    return min(max(value, LOW), HIGH)


def step(
    server: dict[str, Any], d: int, state: list[int], turnout: tuple[int, int], bits: int
) -> tuple[int, list[int]]:
    """What is added to one value of the model, and the next state of that value."""
    kind = server["optimiser"]
    n, parties = turnout
    if kind == "momentum":
        m = clipped(rounded(number(server, "beta") * state[0], ONE) + d)
        return rounded(number(server, "rate") * m, ONE), [m]
    if kind == "dyn":
        h = clipped(state[0] + rounded(d * n, parties))
        return d + h, [h]
    if kind == "scaffold":
        return rounded(number(server, "rate") * d, ONE), [clipped(state[0] + rounded((d - state[0]) * n, parties))]
    m, v = d, state[-1]
    square = min(rounded(d * d, 1 << 8), CAP)
    if kind != "adagrad":
        b1, b2 = number(server, "beta1"), number(server, "beta2")
        m = rounded(b1 * state[0] + (ONE - b1) * d, ONE)
    if kind == "adam":
        v = rounded(b2 * v + (ONE - b2) * square, ONE)
    elif kind == "yogi":
        v -= (v > square) * rounded((ONE - b2) * square, ONE) - (v < square) * rounded((ONE - b2) * square, ONE)
    else:
        v += square
    v = min(v, CAP)
    tau = max(rounded(number(server, "tau") << bits, 1 << 24), 1)
    root = isqrt(v << 8) + tau
    top, bottom = number(server, "rate") * m, root
    if bits >= 16:
        top <<= bits - 16
    else:
        bottom <<= 16 - bits
    return rounded(top, bottom), ([v] if kind == "adagrad" else [m, v])


def streams(kind: str) -> list[str]:
    return {"momentum": ["m"], "adagrad": ["v"], "dyn": ["h"], "scaffold": ["c"]}.get(kind, ["m", "v"])


def cases() -> dict[str, Any]:
    """Each optimiser over three rounds from state 0, and one round from the largest states."""
    random, made = Random(7), []
    for server in CASES:
        names = streams(server["optimiser"])
        for bits in (24, 30, 20, 8, 0):
            turnout = random.choice([(5, 20), (3, 3), (1, 255), (255, 255)])
            state = [[0] * len(MEANS) for _ in names]
            rounds = []
            for _ in range(3):
                means = random.sample(MEANS, len(MEANS))
                out = [step(server, d, [s[i] for s in state], turnout, bits) for i, d in enumerate(means)]
                state = [[new[k] for _, new in out] for k in range(len(names))]
                rounds.append({"means": means, "changes": [change for change, _ in out], "state": state})
            extreme = [[CAP if name == "v" else (LOW if i % 2 else HIGH) for i in range(len(MEANS))] for name in names]
            out = [step(server, d, [s[i] for s in extreme], turnout, bits) for i, d in enumerate(MEANS)]
            last = {"before": extreme, "means": MEANS, "changes": [change for change, _ in out]}
            last["state"] = [[new[k] for _, new in out] for k in range(len(names))]
            said = {"server": server, "fraction_bits": bits, "updates": turnout[0], "parties": turnout[1]}
            made.append(said | {"streams": names, "rounds": rounds, "extreme": last})
    return {"cases": made}


def text() -> str:
    """What the file must hold."""
    lines = ",\n".join(json.dumps(case) for case in cases()["cases"])
    return '{"cases": [\n' + lines + "\n]}\n"


if __name__ == "__main__":
    (FOLDER / "optimisers.json").write_text(text(), encoding="utf-8")
    sys.stdout.write(f"wrote optimisers.json to {FOLDER}\n")
