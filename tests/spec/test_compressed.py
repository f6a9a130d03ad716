"""Frozen vectors of compressed updates, and the example that docs/spec/artifact.md has of one."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from support.vectors import script

from ledger.errors import Malformed
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.compressed.packed import packed
from ledger.formats.compressed.packing import Packing
from ledger.formats.compressed.unpacking import UnpackedBands
from ledger.formats.merkle import root_of
from ledger.formats.unixfs import cid_of
from ledger.jobs.document import Admission
from ledger.rounds.admission import UpdateReading, Verdict

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "tests" / "vectors" / "compressed.json"
READ = json.loads(FILE.read_text(encoding="utf-8"))
MODEL = Layout(msgspec.convert(READ["tensors"], tuple[Tensor, ...]))
MAKE = script("make_compressed")
LIMITS = Admission(min_updates=1, max_weight=1, max_value=(1 << 31) - 1, max_norm=1 << 40)


def test_the_script_writes_what_is_committed() -> None:
    assert MAKE.text() == FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", READ["cases"], ids=lambda case: f"{case['bits']}: {case['name']}")
def test_an_update_has_these_bytes(case: dict[str, Any]) -> None:
    packing, values = Packing(MODEL, case["bits"]), np.array(case["values"], np.int64).astype(np.int32)
    assert bytes(packed(packing, values)).hex() == case["body"]
    header = case["header"].encode("latin-1").ljust(case["header_size"])
    assert packing.header(MAKE.BOUND) == header
    file, root = header + bytes.fromhex(case["body"]), bytes.fromhex(case["root"])
    assert (len(file), str(cid_of([file])[0])) == (case["size"], case["cid"])
    assert root == root_of(bytes.fromhex(case["body"]))
    reading = UpdateReading(MODEL, MAKE.BOUND, root, LIMITS, lambda start: iter([file[start:]]), packing=packing)
    assert (next(reading) == values).all()
    assert reading.judge().verdict is Verdict.ADMITTED


@pytest.mark.node
@pytest.mark.parametrize("case", READ["cases"], ids=lambda case: f"{case['bits']}: {case['name']}")
def test_a_party_rounds_to_these_values(case: dict[str, Any]) -> None:
    from participant.integers.compression import rounded

    update = np.array(case["update"], np.int64).astype(np.int32)
    assert rounded(Packing(MODEL, case["bits"]), update, LIMITS.max_value)[0].tolist() == case["values"]


@pytest.mark.parametrize("case", READ["refused"], ids=lambda case: case["why"])
def test_no_other_bytes_are_taken(case: dict[str, Any]) -> None:
    packing, body = Packing(MODEL, case["bits"]), bytes.fromhex(case["body"])
    file = packing.header(MAKE.BOUND) + body
    reading = UpdateReading(
        MODEL, MAKE.BOUND, root_of(body), LIMITS, lambda start: iter([file[start:]]), packing=packing
    )
    decision = reading.judge()
    assert decision.verdict is Verdict.HEADER
    assert case["why"] in decision.message
    if "truncated" not in case["why"]:
        pieces = iter([body[: packing.shifts], body[packing.shifts :]])
        with pytest.raises(Malformed, match=case["why"]):
            UnpackedBands(packing, lambda _: next(pieces), whole=True).values(0, MODEL.values)


def test_the_example_of_the_specification_is_the_first_vector_of_four_bits() -> None:
    page = (ROOT / "docs" / "spec" / "artifact.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```text\n(update .*?)```", page, re.DOTALL)
    case = next(one for one in READ["cases"] if (one["bits"], one["name"]) == (4, "halves away from zero"))
    body = case["body"]
    rows = {
        "update": case["update"],
        "values": case["values"],
        "shifts": f"{body[:4]}",
        "layer.bias": f"{body[4:8]}",
        "layer.weight": f"{body[8:]}",
        "tensor root": case["root"],
        "size": case["size"],
        "CID": case["cid"],
    }
    assert example == "".join(f"{name:<14}{value}\n" for name, value in rows.items())
