"""Refutations, true and bent in every field: the verifier convicts by them exactly where the project's court does."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eth_abi.exceptions import EncodingError
from support.bundles import Staged, calldata

from ledger.bundle.check import check_bundle
from ledger.bundle.findings import BundleVerdict
from ledger.bundle.form import BundleScope
from ledger.court.calldata import refute_call
from ledger.court.refutation import Point
from ledger.court.search import accused_of, find_point
from ledger.events.court import Ground
from ledger.formats.artifact import Tensor
from ledger.formats.claims import ENTRY
from ledger.formats.merkle import leaf_hashes, proof
from ledger.jobs.document import Admission
from ledger.jobs.rules import Median, Rule, TrimmedMean, WeightedMean

BLOCKS, VALUES = 60, 700
LARGE = np.full(VALUES, -(1 << 21), "<i4")
RULES = {"mean": WeightedMean(), "median": Median(), "trimmed": TrimmedMean(1)}


def lied(rule: Rule, lie: str) -> Staged:
    """A round with an aggregate that is false in one way."""
    limits = Admission(6 if lie == "too few" else 3, 1000, 1 << 20, 1 << 28)
    staged = Staged(5, rule=rule, limits=limits, tensors=(Tensor("a", (VALUES,)),))
    staged.open_round()
    for member in range(5):
        staged.submit(
            member,
            LARGE if lie == "limit" and member == 3 else None,
            weight=2000 if lie == "weight" and member == 2 else 10,
        )
    staged.open_updates(0, 2, 3)
    if lie == "value":
        staged.publish_another_value(300)
    else:
        staged.publish(root=b"\x07" * 32, cid=b"\x08" * 32, verdicts=bytes(5))
    return staged


def arguments(staged: Staged, lie: str) -> tuple[list[Any], list[Any]]:
    """The refutation of that lie."""
    facts, aggregate = staged.facts, staged.round.aggregates[-1]
    hashes = leaf_hashes(LARGE.tobytes())
    record = LARGE.tobytes()[1024:2048] + b"".join(proof(hashes, 1))
    known = {"limit": Point(Ground.LIMIT, 3, 300, proof=record), "weight": Point(Ground.WEIGHT, 2)}
    known["too few"] = Point(Ground.TOO_FEW)
    point = known[lie] if lie in known else find_point(facts, aggregate, staged.files.fetch)
    assert point is not None
    claimed, shown = refute_call(accused_of(facts, aggregate), point).arguments
    return list(claimed), list(shown)


def judged(staged: Staged, folder: Path, blocks: list[bytes]) -> BundleVerdict:
    path = folder / "convictions.car"
    path.write_bytes(staged.bundle(BundleScope("conviction", 1), blocks))
    return check_bundle(path)  # conftest.py compares it with the verifier's


def bent(chance: random.Random, claimed: list[Any], point: list[Any]) -> bytes:
    """The refutation, changed in one place or two."""
    claimed, point = [*claimed[:4], list(claimed[4]), *claimed[5:]], list(point)
    for _ in range(chance.choice([1, 1, 2])):
        what = chance.randrange(10)
        if what < 2:
            claimed[what + 1] = chance.randrange(3)
        elif what == 2:
            place = chance.randrange(9)
            value = claimed[4][place]
            claimed[4][place] = value ^ 1 if isinstance(value, int) else flipped(chance, value)
        elif what < 6:
            place = (3, 5, 6)[what - 3]
            claimed[place] = flipped(chance, claimed[place])
        elif what == 6:
            point[0], point[1] = chance.randrange(6), chance.choice([point[1], chance.randrange(6)])
        elif what == 7:
            point[2] = chance.choice([point[2] ^ 1, point[2] + 256, 699, 700, 1 << 40])
        elif what == 8:
            point[3 + chance.randrange(2)] += chance.choice([-1, 1, 5])
        else:
            point[5] = flipped(chance, point[5]) if chance.random() < 0.7 else point[5][: chance.randrange(2000)]
    try:
        return calldata("court", "refute", (*claimed[:4], tuple(claimed[4]), *claimed[5:]), tuple(point))
    except EncodingError:
        return b""


def flipped(chance: random.Random, data: bytes) -> bytes:
    if not data:
        return b"\x01"
    made = bytearray(data)
    made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
    return bytes(made)


@pytest.mark.parametrize("lie", ["value", "limit", "weight", "too few"])
@pytest.mark.parametrize("rule", RULES)
def test_what_is_bent_is_judged_alike(rule: str, lie: str, tmp_path: Path) -> None:
    staged = lied(RULES[rule], lie)
    chance = random.Random(f"{rule} {lie}")
    claimed, point = arguments(staged, lie)
    true = calldata("court", "refute", tuple(claimed), tuple(point))
    for _ in range(2):
        blocks = list(dict.fromkeys([true, *(bent(chance, claimed, point) for _ in range(BLOCKS))]))
        found = judged(staged, tmp_path, blocks)
        codes = [one.code for one in found.findings]
        assert (found.verdict, lie.replace(" ", "_").upper() in codes) == ("REFUTED", True)
        assert found.checked["CONVICTION"] + codes.count("FALSE") == len(blocks)


def test_updates_that_weigh_nothing_convict_nobody(tmp_path: Path) -> None:
    staged = lied(WeightedMean(), "value")
    claimed, point = arguments(staged, "value")
    entries = [claimed[5][at : at + ENTRY] for at in range(0, len(claimed[5]), ENTRY)]
    claimed[5] = b"".join(entry[:1] + bytes(4) + entry[5:] for entry in entries)
    block = calldata("court", "refute", tuple(claimed), tuple(point))
    nothing = calldata("court", "refute", (*claimed[:5], b"", b""), tuple(Point(Ground.VALUE)))
    assert [one.code for one in judged(staged, tmp_path, [block, nothing]).findings] == ["FALSE", "FALSE"]
