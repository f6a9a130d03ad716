"""The oracle takes the compressed updates that the core takes, with the same values, and no others."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.oracle import Ask

from ledger.errors import Malformed
from ledger.formats.artifact import Layout, Tensor
from ledger.formats.compressed.packing import Bits, Packing
from ledger.formats.compressed.unpacking import UnpackedBands

FILE = Path(__file__).resolve().parents[1] / "vectors" / "compressed.json"
READ = json.loads(FILE.read_text(encoding="utf-8"))
TABLE = [{"name": "a", "shape": [3]}, {"name": "b", "shape": [1]}]


def test_the_vectors(ask: Ask) -> None:
    for case in READ["cases"]:
        found = ask("compressed", tensors=READ["tensors"], bits=case["bits"], body=case["body"])
        assert [int(one) for one in found] == case["values"], case["name"]
    for case in READ["refused"]:
        assert ask("compressed", tensors=READ["tensors"], bits=case["bits"], body=case["body"]) is None, case["why"]


def core(bits: Bits, body: bytes) -> list[int] | None:
    """What the core reads; None where it refuses."""
    packing = Packing(Layout((Tensor("a", (3,)), Tensor("b", (1,)))), bits)
    pieces = iter([body[:2], body[2:]])
    try:
        values = UnpackedBands(packing, lambda _: next(pieces), whole=True).values(0, 4)
    except Malformed:
        return None
    return [int(one) for one in values.astype(np.int64)]


@pytest.mark.parametrize("bits", [8, 4])
@given(data=st.data())
def test_any_bytes_come_to_the_same(ask: Ask, bits: Bits, data: st.DataObject) -> None:
    shifts = data.draw(st.lists(st.integers(0, 30), min_size=2, max_size=2))
    size = 4 if bits == 8 else 3
    values = data.draw(st.lists(st.sampled_from([0, 1, 4, 8, 15, 16, 63, 64, 127, 128, 192, 255]), max_size=5))
    body = bytes(shifts + values)
    if len(values) != size:
        body += bytes(max(0, size - len(values)))
    found: Any = ask("compressed", tensors=TABLE, bits=bits, body=body.hex())
    assert (None if found is None else [int(one) for one in found]) == core(bits, body)
