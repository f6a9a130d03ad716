"""Calls in other words than the ABI's one encoding, which the contracts' decoder takes: a reader takes them, too."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eth_abi.abi import encode
from support.corpus.malformed import _data, _signed_again, _with_raw
from support.corpus.scene import FALSE, Case, Draw, Scene
from support.corpus.voting import Voting
from support.worlds.signing import _SECRETS, key

from ledger.bundle.calls import FUNCTIONS as IN_BUNDLES
from ledger.chain import rlp
from ledger.chain.build import committed
from ledger.chain.codec import signature
from ledger.chain.evidence.arguments import call_decoder
from ledger.formats.digest import keccak

Field = Mapping[str, Any]
FUNCTIONS = {
    one["name"]: one
    for contract, names in IN_BUNDLES.items()
    for one in committed(contract).abi
    if one["type"] == "function" and one["name"] in names
}
SELECTORS = {name: keccak(signature(one).encode())[:4] for name, one in FUNCTIONS.items()}
_INPUTS = {SELECTORS[name]: one["inputs"] for name, one in FUNCTIONS.items()}


def spare(_: Sequence[Field], data: bytes) -> bytes:
    """Bytes behind the arguments, and padding that is not zero."""
    return data + b"\xff" * (1 + len(data) % 40)


def apart(fields: Sequence[Field], data: bytes) -> bytes:
    """The dynamic values in the other order, with holes before them, unaligned and without padding."""
    return data[:4] + _tuple(fields, call_decoder(fields)(data))


def before(fields: Sequence[Field], data: bytes) -> bytes:
    """The members of a tuple that stands elsewhere before it: their offsets are negative."""
    return data[:4] + _tuple(fields, call_decoder(fields)(data), negative=True)


SPARE, APART, BEFORE = range(3)
WORDINGS: tuple[Callable[[Sequence[Field], bytes], bytes], ...] = (spare, apart, before)


class Worded(Voting):
    """A scene whose calls are in other words, in transactions of type 2, 3 or 4."""

    def __init__(self, draw: Draw, members: int, wording: int, kind: int = 2) -> None:
        self._wording, self._kind = wording, kind
        super().__init__(draw, members)

    def signed(self, member: int | str, contract: str, function: str, *arguments: Any) -> bytes:
        """The raw transaction of a call, in other words."""
        chain, nonce, tip, price, gas, to, value, data, access, *_ = rlp.decode(  # type: ignore[misc]
            super().signed(member, contract, function, *arguments)[1:]
        )
        signer = member if isinstance(member, str) else self.keys[member]
        fields = [chain, nonce, tip, price, gas, to, value, worded(data, self._wording), access]  # type: ignore[arg-type]
        more: dict[int, list[rlp.Item]] = {
            2: [],
            3: [b"\1", [FALSE]],
            4: [[[chain, b"\5" * 20, b"", b"\1", b"\2", b"\3"]]],
        }
        return sealed(signer, self._kind, [*fields, *more[self._kind]])


def worded(data: bytes, wording: int) -> bytes:
    """A call in other words."""
    return WORDINGS[wording](_INPUTS[data[:4]], data)


def sealed(signer: str, kind: int, fields: Sequence[rlp.Item]) -> bytes:
    """A typed transaction of these fields, signed."""
    prefix = bytes([kind])
    made = _SECRETS[signer].sign_recoverable(keccak(prefix + rlp.encode([*fields])), hasher=None)
    numbers = (made[64], int.from_bytes(made[:32]), int.from_bytes(made[32:64]))
    return prefix + rlp.encode([*fields, *map(rlp.number, numbers)])


def in_other_words(draw: Draw) -> Case:
    """A decision and a round, in calldata with spare bytes, with values elsewhere, or before what names them; in
    transactions of types 3 and 4. Strangers relay and execute.
    """
    scene = Worded(draw, 4, draw.seed % 3, (2, 2, 2, 3, 4)[draw.seed])
    motion = scene.admission(key(9))
    votes = [scene.signed_vote(motion, member) for member in range(4)]
    scene.relay(motion, votes[0], by=key(20))
    scene.relay(motion, *votes[1:], by=key(20))
    scene.wait()
    scene.carry_out(motion, key(20))
    scene.keys.append(key(9))
    return scene.honest(4).case()


def calldata_of_no_form(draw: Draw) -> Case:
    """Calldata that the contracts' decoder reverts: an offset of 2^64, a value that is cut, an offset to the last 31
    bytes, a number beyond its type, a value that an enumeration does not have.
    """
    scene = Scene(draw).honest()
    datas = [_data(one.raw) for one in scene.mined]
    function, at, change = (
        ("openUpdates", 2, lambda word: word + (1 << 64)),
        ("openUpdates", 3, lambda word: word + 32),
        ("publishAggregate", 4 + 8, lambda word: word + 33),
        ("commitUpdate", 1, lambda word: word + (1 << 32)),
        ("attest", 3, lambda _: 3),
    )[draw.seed]
    place = next(place for place, data in enumerate(datas) if data[:4] == SELECTORS[function])
    data = datas[place]
    start = 4 + 32 * at
    word = change(int.from_bytes(data[start : start + 32]))
    bent = data[:start] + word.to_bytes(32) + data[start + 32 :]
    return _with_raw(scene, place, _signed_again(scene, place, data=bent))


FOLDERS = {"in_other_words": "honest", "calldata_of_no_form": "malformed"}
COUNTS = dict.fromkeys(FOLDERS, 5)


def _is_dynamic(field: Field) -> bool:
    return field["type"] in ("bytes", "tuple[]") or any(map(_is_dynamic, field.get("components", ())))


def _type(field: Field) -> str:
    kind = field["type"]
    return f"({','.join(map(_type, field['components']))}){kind[5:]}" if kind.startswith("tuple") else str(kind)


def _tuple(fields: Sequence[Field], values: Sequence[Any], *, negative: bool = False) -> bytes:
    """A tuple from its beginning on."""
    heads = [
        b"" if _is_dynamic(one) else encode([_type(one)], [value]) for one, value in zip(fields, values, strict=True)
    ]
    at, tails, offsets = sum(len(one) or 32 for one in heads), b"", dict[int, int]()
    for place in reversed(range(len(fields))):
        if not heads[place]:
            tails += FALSE[: 5 + place]
            tail, skipped = _tail(fields[place], values[place], negative=negative)
            offsets[place] = at + len(tails) + skipped
            tails += tail
    return b"".join(one or offsets[place].to_bytes(32) for place, one in enumerate(heads)) + tails


def _tail(field: Field, value: Any, *, negative: bool) -> tuple[bytes, int]:
    """A dynamic value, and how many bytes in it stand before its beginning."""
    if field["type"] == "bytes":
        return len(value).to_bytes(32) + value, 0
    if field["type"] == "tuple[]":
        return encode([_type(field)], [value])[32:], 0
    if not negative:
        return _tuple(field["components"], value), 0
    heads, tails = b"", b""
    for one, part in zip(field["components"], value, strict=True):
        heads += b"" if _is_dynamic(one) else encode([_type(one)], [part])
        if _is_dynamic(one):
            tail, skipped = _tail(one, part, negative=True)
            heads += (len(tails) + skipped).to_bytes(32)
            tails += tail
    size = len(tails)
    moved = [int.from_bytes(heads[at : at + 32]) for at in range(0, len(heads), 32)]
    words = [_is_dynamic(one) for one in field["components"]]
    shifted = [word - size if is_offset else word for word, is_offset in zip(moved, words, strict=True)]
    return tails + b"".join((word % (1 << 256)).to_bytes(32) for word in shifted), size
