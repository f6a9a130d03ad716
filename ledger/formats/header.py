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

Kind = Literal["initial", "model", "update", "masked", "sum", "state", "set"]
FileDtype = Literal["I32", "U64", "I64", "I8", "U8"]
WIDTHS: Mapping[FileDtype, int] = {"I32": 4, "U64": 8, "I64": 8, "I8": 1, "U8": 1}
"""Bytes of a value in a file: U64 in a masked update, I64 in an edge's sum and some states of a server optimiser, I8 or
U8 in a compressed update, else I32.
"""
Entries = Mapping[str, Mapping[str, object]]
"""A safetensors header's table: dtype, shape and offsets in bytes by tensor."""

FORMAT = "fedledger/1"
MAX_VALUES = 1 << 31
MAX_DIMENSIONS = 8
MAX_DIGITS = 20
MAX_ROWS = (1 << 32) - 1
_BINDING_ROOM = 512
_ROOT, _ROWS, _PLATFORM, _BASE = b'"data":"', b'"rows":"', b'"platform":"', b'"base":"'
"""What stands before an update's root, its number of leaves, the digest of its platform document, and its base, for the
first time in a header.
"""
_DIGEST, _NUMBER = re.compile(b"[0-9a-f]{64}"), re.compile(b'([1-9][0-9]{0,9})"')
_HEXADECIMAL = re.compile("[0-9a-f]{64}", re.ASCII)
_ROWS_FORM = re.compile("[1-9][0-9]{0,9}", re.ASCII)
_FORMS = {"base": _HEXADECIMAL, "rows": _ROWS_FORM, "data": _HEXADECIMAL, "platform": _HEXADECIMAL}
_TRAINED_ON = "an update says what it was trained on", "data"
_LIST, _TREE, _COUNT = b'"children":"', b'"children_root":"', b'"count":"'
"""The same of a sum: before the digest of its list of children, the root over them, and how many they are."""
_FORMS_OF_SUM = {
    "children": _HEXADECIMAL,
    "children_root": _HEXADECIMAL,
    "count": re.compile("[1-9][0-9]{0,3}", re.ASCII),
}


class Binding(msgspec.Struct, frozen=True, kw_only=True):
    """What an artifact belongs to. `party` is empty but in updates, masked or not; `base` is the tensor root that it
    builds on; `stream` names the stream of a server optimiser's state.

    `rows` and `data` are in updates alone: how many leaves were trained on, and the root that its party alone can open
    (`ledger.formats.rows`); `platform` is the SHA-256 of a document in which trusted hardware speaks for its machine,
    where there is one. Without them an update's binding is what everyone knows of it, and fits any; so does one without
    `base`, where the update may build on several models.

    `children`, `children_root` and `count` are in sums alone: the SHA-256 of the list of the updates that it is made
    of, the RFC 6962 root over that list's records, and how many they are (`ledger.formats.edges.children`). Without
    them a sum's binding fits any, too.
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
    platform: bytes = b""
    stream: str = ""
    children: bytes = b""
    children_root: bytes = b""
    count: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it is an update's without what its party alone knows."""
        return not self.children if self.kind == "sum" else self.kind in {"update", "masked"} and not self.data

    def on(self, rows: int, data: bytes, platform: bytes = b"") -> "Binding":
        """The same, for an update that was trained on so many leaves, under this root, on this platform."""
        return msgspec.structs.replace(self, rows=rows, data=data, platform=platform)

    def over(self, count: int, children: bytes, root: bytes) -> "Binding":
        """The same, for the sum of so many children's updates, by their list's digest and its root."""
        return msgspec.structs.replace(self, count=count, children=children, children_root=root)

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
            "platform": self.platform.hex(),
            "stream": self.stream,
            "children": self.children.hex(),
            "children_root": self.children_root.hex(),
            "count": str(self.count) if self.count else "",
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
        said, field = ("a sum says whose updates it is made of", "children") if binding.kind == "sum" else _TRAINED_ON
        raise Malformed(said, field=field)
    text = _json({"__metadata__": binding.metadata(), **entries})
    length = size_of(entries) - 8
    if len(text) > length:
        raise Malformed("the binding is too long for a header", size=len(text), maximum=length)
    return length.to_bytes(8, "little") + text.ljust(length)


def bound(data: bytes, binding: Binding, entries: Entries) -> Binding | None:
    """The whole binding of a header that must have this one; None where no number and root make it the right header,
    with a platform's digest or without one.

    They are read where the one form has them, then the header is made with them and compared. So is the base of an
    update whose binding does not say it. `data` is as long as the header (`size_of`).
    """
    if not binding.is_open:
        return binding if data == encode(binding, entries) else None
    if not binding.base:
        base = _DIGEST.fullmatch(_behind(data, _BASE, 64))
        if base is None:
            return None
        binding = msgspec.structs.replace(binding, base=bytes.fromhex(base[0].decode()))
    whole = _said_of_sum(data, binding, entries) if binding.kind == "sum" else _said_of_update(data, binding)
    return whole if whole is not None and data == encode(whole, entries) else None


def _said_of_sum(data: bytes, binding: Binding, entries: Entries) -> Binding | None:
    """A sum's binding with what its header says where the one form has it; None where that is in no form."""
    form = encode(binding.over(1, bytes(32), bytes(32)), entries)
    places = [form.index(name) + len(name) for name in (_LIST, _TREE, _COUNT)]
    digests = [_DIGEST.fullmatch(data[at : at + 64]) for at in places[:2]]
    count = _NUMBER.match(data[places[2] : places[2] + 5])
    if count is None or digests[0] is None or digests[1] is None:
        return None
    children, root = (bytes.fromhex(one[0].decode()) for one in digests if one is not None)
    return binding.over(int(count[1]), children, root)


def _said_of_update(data: bytes, binding: Binding) -> Binding | None:
    """The same of an update, masked or not, looked for by what stands before it: in the right header for the first
    time where its form has it.
    """
    root, hardware = (_DIGEST.fullmatch(_behind(data, name, 64)) for name in (_ROOT, _PLATFORM))
    rows = _NUMBER.match(_behind(data, _ROWS, len(str(MAX_ROWS)) + 1))
    if root is None or rows is None or int(rows[1]) > MAX_ROWS:
        return None
    platform = bytes.fromhex(hardware[0].decode()) if hardware else b""
    return binding.on(int(rows[1]), bytes.fromhex(root[0].decode()), platform)


def _behind(data: bytes, name: bytes, size: int) -> bytes:
    """So many bytes behind the first place of a name; none where it is nowhere."""
    at = data.find(name)
    return b"" if at < 0 else data[at + len(name) : at + len(name) + size]


def explain(data: bytes, binding: Binding, entries: Entries) -> Malformed:
    """Why `data` is not the header that `encode` writes, in words: the error to raise. Nothing else depends on it."""
    try:
        found = parse(data, size_of(entries), _dtype(entries))
    except Malformed as error:
        return error
    metadata, actual = found.pop("__metadata__", {}), found
    return _other_binding(metadata, binding) or _other_tensors(entries, actual)


def _dtype(entries: Entries) -> FileDtype:
    """That of a file's values: one for all of its tensors."""
    said = next(iter(entries.values()))["dtype"]
    return next(dtype for dtype in WIDTHS if dtype == said)


def _other_binding(metadata: Mapping[str, object], binding: Binding) -> Malformed | None:
    for name, value in binding.metadata().items():
        if metadata.get(name) != value:
            return Malformed(f"the artifact has another {name}", expected=value, actual=_shown(metadata.get(name)))
    forms = _FORMS_OF_SUM if binding.kind == "sum" else _FORMS
    for name, form in forms.items() if binding.is_open else ():
        said = metadata.get(name)
        if (name == "platform" and said is None) or (name == "base" and binding.base):
            continue
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
