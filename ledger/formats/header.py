"""An artifact's header: JSON that the ledger alone determines, so that a reader writes the right one and compares.

A header that differs is refused, whatever is in it (docs/spec/artifact.md, "Reading"). It is parsed, trusting nothing,
only to say what is wrong with it: no verdict depends on that.
"""

import json
import re
from collections.abc import Mapping
from math import prod
from typing import Any, Literal

import msgspec

from ledger.errors import Malformed
from ledger.formats.grammar import check_depth
from ledger.formats.merkle import LEAF

Kind = Literal["initial", "model", "update", "masked", "set"]
FileDtype = Literal["I32", "U64"]
WIDTHS: Mapping[FileDtype, int] = {"I32": 4, "U64": 8}
"""Bytes of a value in a file: U64 in a masked update, else I32."""
Entries = Mapping[str, Mapping[str, object]]
"""A safetensors header's table: dtype, shape and offsets in bytes by tensor."""

FORMAT = "fedledger/1"
MAX_VALUES = 1 << 31
MAX_DIMENSIONS = 8
MAX_DIGITS = 20
MAX_ROWS = (1 << 32) - 1
_BINDING_ROOM = 512
_ROOT, _ROWS = b'"data":"', b'"rows":"'
"""What stands before an update's root, and before its number of leaves, for the first time in a header."""
_DIGEST, _NUMBER = re.compile(b"[0-9a-f]{64}"), re.compile(b'([1-9][0-9]{0,9})"')
_FORMS = {"rows": re.compile("[1-9][0-9]{0,9}", re.ASCII), "data": re.compile("[0-9a-f]{64}", re.ASCII)}


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """What an artifact belongs to. `party` is empty but in updates, masked or not; `base` is the tensor root that it
    builds on.

    `rows` and `data` are in these alone: how many leaves were trained on, and the root that its party alone can open
    (`ledger.formats.rows`). Without them an update's binding is what everyone knows of it, and fits any.
    """

    kind: Kind
    chain: int = 0
    contract: str = ""
    job: int = 0
    round: int = 0
    party: str = ""
    base: bytes = b""
    rows: int = 0
    data: bytes = b""

    @property
    def is_open(self) -> bool:
        """Whether it is an update's without what its party alone knows."""
        return self.kind in {"update", "masked"} and not self.data

    def on(self, rows: int, data: bytes) -> "Binding":
        """The same, for an update that was trained on so many leaves, under this root."""
        return msgspec.structs.replace(self, rows=rows, data=data)

    def metadata(self) -> dict[str, str]:
        """What the header says, in the order in which `explain` compares it; a header has it sorted."""
        fields = {
            "format": FORMAT,
            "kind": self.kind,
            "chain": str(self.chain) if self.chain else "",
            "contract": self.contract,
            "job": str(self.job) if self.job else "",
            "round": str(self.round) if self.round else "",
            "party": self.party,
            "base": self.base.hex(),
            "rows": str(self.rows) if self.rows else "",
            "data": self.data.hex(),
        }
        return {name: value for name, value in fields.items() if value}


def size_of(entries: Entries) -> int:
    """Bytes of the header of an artifact with these tensors, whatever it is bound to: a whole number of leaves."""
    return -(-(8 + len(_json(entries)) + _BINDING_ROOM) // LEAF) * LEAF


def encode(binding: Binding, entries: Entries) -> bytes:
    """The one header that an artifact with this binding and these tensors has.

    Eight bytes of length, JSON with sorted keys, spaces. Raises Malformed for a binding that is too long, or open.
    """
    if binding.is_open:
        raise Malformed("an update says what it was trained on", field="data")
    text = _json({"__metadata__": binding.metadata(), **entries})
    length = size_of(entries) - 8
    if len(text) > length:
        raise Malformed("the binding is too long for a header", size=len(text), maximum=length)
    return length.to_bytes(8, "little") + text.ljust(length)


def bound(data: bytes, binding: Binding, entries: Entries) -> Binding | None:
    """The whole binding of a header that must have this one; None where no number and root make it the right header.

    Number and root are read where the one form has them, then the header is made with them and compared.
    """
    if not binding.is_open:
        return binding if data == encode(binding, entries) else None
    form = encode(binding.on(1, bytes(32)), entries)
    at = form.index(_ROOT) + len(_ROOT)
    rest = data[form.index(_ROWS) + len(_ROWS) :][: len(str(MAX_ROWS)) + 1]
    root, rows = _DIGEST.fullmatch(data[at : at + 64]), _NUMBER.match(rest)
    if root is None or rows is None or int(rows[1]) > MAX_ROWS:
        return None
    whole = binding.on(int(rows[1]), bytes.fromhex(root[0].decode()))
    return whole if data == encode(whole, entries) else None


def explain(data: bytes, binding: Binding, entries: Entries) -> Malformed:
    """Why `data` is not the header that `encode` writes, in words: the error to raise. Nothing else depends on it."""
    try:
        found = parse(data, size_of(entries), "U64" if binding.kind == "masked" else "I32")
    except Malformed as error:
        return error
    metadata, actual = found.pop("__metadata__", {}), found
    return _other_binding(metadata, binding) or _other_tensors(entries, actual)


def _other_binding(metadata: Mapping[str, object], binding: Binding) -> Malformed | None:
    for name, value in binding.metadata().items():
        if metadata.get(name) != value:
            return Malformed(f"the artifact has another {name}", expected=value, actual=_shown(metadata.get(name)))
    for name, form in _FORMS.items() if binding.is_open else ():
        said = metadata.get(name)
        if not isinstance(said, str) or not form.fullmatch(said):
            return Malformed(f"the artifact's {name} is not in its form", actual=_shown(said))
    return None


def _other_tensors(entries: Entries, actual: Mapping[str, Any]) -> Malformed:
    for name in sorted(entries.keys() | actual.keys()):
        if name not in actual:
            return Malformed(f"the artifact lacks tensor {name!r}", expected=entries[name]["shape"])
        if name not in entries:
            return Malformed(f"the artifact has a tensor {_shown(name)} that the job does not have")
        if actual[name] != entries[name]:
            return Malformed(f"tensor {name!r} differs", expected=entries[name], actual=_shown(actual[name]))
    return Malformed("the artifact's header is not in canonical form")


def parse(data: bytes, limit: int, dtype: FileDtype = "I32") -> dict[str, Any]:
    """Read a foreign safetensors header of at most `limit` bytes, trusting nothing. Raises Malformed.

    Checks lengths, JSON, duplicate names, dtypes, dimensions, and that offsets follow each other without holes.
    """
    if len(data) < 8:
        raise Malformed("the artifact is shorter than a header", size=len(data))
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= limit - 8 or length > len(data) - 8:
        raise Malformed("the artifact's header length is impossible", length=length, expected=limit - 8)
    text = data[8 : 8 + length]
    try:
        check_depth(text)
        document = json.loads(text.decode(), object_pairs_hook=_no_duplicates, parse_int=_integer)
    except ValueError as error:
        raise Malformed(f"the artifact's header is not JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("__metadata__", {}), dict):
        raise Malformed("the artifact's header is not a table of tensors")
    end = 0
    for name in sorted(document.keys() - {"__metadata__"}):
        end = _check_entry(name, document[name], end, dtype)
    return document


def _integer(digits: str) -> int:
    """Python's limit for the digits of an integer is a setting, too."""
    if len(digits) > MAX_DIGITS:
        raise ValueError("an integer of too many digits")
    return int(digits)


def _check_entry(name: str, entry: object, start: int, dtype: FileDtype) -> int:
    if not isinstance(entry, dict) or entry.keys() != {"data_offsets", "dtype", "shape"}:
        raise Malformed(f"tensor {name[:80]!a} is not described by offsets, dtype and shape")
    if entry["dtype"] != dtype:
        actual = _shown(entry["dtype"])
        raise Malformed(f"tensor {name[:80]!a} has a dtype that is not allowed", expected=dtype, actual=actual)
    shape, offsets = entry["shape"], entry["data_offsets"]
    if not _naturals(shape) or len(shape) > MAX_DIMENSIONS or not 0 < prod(shape) <= MAX_VALUES:
        raise Malformed(f"tensor {name[:80]!a} has an impossible shape", shape=str(shape)[:80])
    end = start + WIDTHS[dtype] * prod(shape)
    if not _naturals(offsets) or offsets != [start, end]:
        raise Malformed(
            f"tensor {name[:80]!a} overlaps, leaves a hole or is out of order",
            expected=[start, end],
            actual=str(offsets)[:80],
        )
    return end


def _naturals(value: object) -> bool:
    return isinstance(value, list) and len(value) <= 64 and all(type(n) is int and 0 <= n < 1 << 62 for n in value)


def _shown(value: object) -> str | None:
    """A foreign value as a message may quote it: short, and with nothing that a terminal or JSON could not take."""
    if value is None or (isinstance(value, str) and re.fullmatch("[ -~]{0,80}", value)):
        return value
    return ascii(value)[:120]


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name is used twice")
    return table


def _json(document: Mapping[str, object]) -> bytes:
    return msgspec.json.encode(document, order="sorted")
