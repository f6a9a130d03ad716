"""The page on encrypted sums, the frozen vectors and the code say the same."""

import json
import re
from pathlib import Path

import numpy as np
from support.sums import made_up_file, pieces
from support.vectors import script

from ledger.homomorphic.contributions import HEAD, contribution_size, summed
from ledger.homomorphic.parameters import BLOCK, DEGREE, MODULI, PLAIN, RESIDUE, ROOM, SPECIAL
from ledger.homomorphic.plan import parse_plan
from ledger.homomorphic.statements import SIZE, judge_sum, read_decryption

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors"
PAGE = (ROOT / "docs" / "spec" / "encrypted-sums.md").read_text(encoding="utf-8")
WHOLE = json.loads((VECTORS / "sums.json").read_text(encoding="utf-8"))
MAKE = script("make_sums")


def example() -> str:
    """One sum: its plan, what members brought, what everyone makes of it, and what it was opened to."""
    plan = json.loads(WHOLE["plan"])
    rows = [(name, f"{value}") for name, value in plan.items() if name not in ("members", "fedledger")]
    rows += [("digest of the plan", WHOLE["plan_digest"]), ("", "")]
    for place, one in enumerate(WHOLE["contributions"]):
        rows += [(f"member {place}, weight {one['weight']}", one["party"]), ("… ciphertexts", one["ciphertexts"])]
    rows += [("", ""), ("sum of ciphertexts", WHOLE["sum"]), ("opened values", " ".join(map(str, WHOLE["values"])))]
    rows += [("divisor", f"{WHOLE['divisor']}")]
    width = max(len(name) for name, _ in rows) + 2
    return "".join(f"{name:<{width}}{value}".rstrip() + "\n" for name, value in rows)


def test_the_example_that_opens_the_page_is_true() -> None:
    found = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)
    assert found
    assert found[1] == example()


def test_the_script_writes_what_is_committed() -> None:
    assert MAKE.text() == (VECTORS / "sums.json").read_text(encoding="utf-8")


def test_the_numbers_of_the_page_are_the_code_s() -> None:
    for number in (*MODULI, SPECIAL, PLAIN, BLOCK):
        assert f"{number:,}" in PAGE, number
    assert f"{HEAD} + {BLOCK:,} · ⌈values / {DEGREE:,}⌉ + 65" in PAGE
    assert f"at least {ROOM} bits" in PAGE
    assert (RESIDUE, SIZE, BLOCK / DEGREE) == (6, 241, 24)


def test_the_vectors_are_recomputed() -> None:
    plan = parse_plan(WHOLE["plan"].encode())
    files = [made_up_file(plan, one["party"], one["weight"]) for one in WHOLE["contributions"]]
    added = summed(plan, pieces(*files))
    assert (plan.digest.hex(), added.sum.hex()) == (WHOLE["plan_digest"], WHOLE["sum"])
    assert {len(file) for file in files} == {contribution_size(plan)}
    said = [read_decryption(bytes.fromhex(one), plan) for one in WHOLE["statements"]]
    values = np.array(WHOLE["values"], np.int64)
    assert judge_sum(plan, added, values, said).divisor == WHOLE["divisor"]
