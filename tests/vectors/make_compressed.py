"""Writes compressed.json beside it: `python tests/vectors/make_compressed.py`. A change of any byte is a new format.

Rounding and encoding are done here in Python's integers, from docs/spec/artifact.md alone, to be compared with.
"""

import json
import sys
from pathlib import Path
from typing import Any

from ledger.formats.artifact import Layout, Tensor
from ledger.formats.compressed.packing import Bits, Packing
from ledger.formats.header import Binding
from ledger.formats.merkle import root_of
from ledger.formats.unixfs import cid_of

FILE = "compressed.json"
CONTRACT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
PARTY = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
TENSORS = (Tensor("layer.bias", (3,)), Tensor("layer.weight", (2, 3), 20))
BOUND = Binding(kind="update", chain=31337, contract=CONTRACT, job=1, round=2, party=PARTY, base=bytes(range(32))).on(
    569, bytes(range(32, 64))
)
UPDATES = {
    "small integers": [3, -7, 0, 6, -5, 4, 2, 1, 0],
    "halves away from zero": [96, -24, 8, 5000, -1536, 512, -511, 0, 3000],
    "all zero": [0] * 9,
    "the largest there are": [(1 << 31) - 1, -(1 << 31) + 1, 0, 1 << 20, -(1 << 20), 8192, -8193, 4096, 4095],
    "a shift that rounding raises": [255, 0, 0, 511, -511, 0, 0, 1, -1],
}


def rounded(values: list[int], bits: int) -> tuple[int, list[int]]:
    """The shift of a tensor and its integers: the spec's, value by value."""
    most, shift = (1 << bits - 1) - 1, 0
    while max(nearest(abs(value), shift) for value in values) > most and shift < 32 - bits:
        shift += 1
    found = [max(-most, min(most, nearest(value, shift))) for value in values]
    while shift and max(map(abs, found)) * 2 <= most:
        found, shift = [2 * one for one in found], shift - 1
    return shift, found


def nearest(value: int, shift: int) -> int:
    """value / 2^shift, rounded half away from zero."""
    size = (2 * abs(value) + (1 << shift)) // (2 << shift)
    return size if value >= 0 else -size


def body_of(tensors: list[tuple[int, list[int]]], bits: int) -> bytes:
    """Shifts, then integers: of 4 bits two in a byte, the first in its low half."""
    body = bytearray(shift for shift, _ in tensors)
    for _, integers in tensors:
        if bits == 8:
            body += bytes(one & 255 for one in integers)
            continue
        halves = [one & 15 for one in integers] + [0] * (len(integers) % 2)
        body += bytes(low | high << 4 for low, high in zip(halves[::2], halves[1::2], strict=True))
    return bytes(body)


def case(name: str, update: list[int], bits: Bits) -> dict[str, Any]:
    tensors = [rounded(update[:3], bits), rounded(update[3:], bits)]
    packing, body = Packing(Layout(TENSORS), bits), body_of(tensors, bits)
    header = packing.header(BOUND)
    return {
        "name": name,
        "bits": bits,
        "update": update,
        "values": [one << shift for shift, integers in tensors for one in integers],
        "header": header.rstrip(b" ").decode("latin-1"),
        "header_size": len(header),
        "body": body.hex(),
        "root": root_of(body).hex(),
        "size": len(header) + len(body),
        "cid": str(cid_of([header + body])[0]),
    }


REFUSED: list[tuple[Bits, str, str]] = [
    (8, "0105 013f00 404000000000", "a shift that is not the least"),
    (8, "0001 000000 000000000000", "a shift that is not the least"),
    (8, "0019 000000 400000000000", "a shift that is not in its form"),
    (8, "00ff 000000 400000000000", "a shift that is not in its form"),
    (8, "0000 000080 000000000000", "an integer that no encoding has"),
    (8, "0000 000000 0000000000", "truncated"),
    (4, "0100 2301 000000", "a shift that is not the least"),
    (4, "1d00 0400 000000", "a shift that is not in its form"),
    (4, "0000 8000 000000", "an integer that no encoding has"),
    (4, "0000 0010 000000", "a last half byte that stands for no value"),
]
"""Bodies of the same table, and what the refusal names."""


def text() -> str:
    """The file."""
    cases = [case(name, update, bits) for bits in (8, 4) for name, update in UPDATES.items()]
    refused = [{"bits": bits, "body": body.replace(" ", ""), "why": why} for bits, body, why in REFUSED]
    tensors = [{"name": one.name, "shape": list(one.shape), "fraction_bits": one.fraction_bits} for one in TENSORS]
    return json.dumps({"tensors": tensors, "cases": cases, "refused": refused}, indent=1) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name(FILE).write_text(text(), encoding="utf-8")
    sys.exit(0)
