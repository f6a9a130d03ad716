"""Each field of each event, changed alone: another bit, one more or less, zero, the largest, a neighbour's value.

Told in four ways: in the log only; with calldata that says the same, unsigned; with the contracts' words forged to
match; signed by the member whose statement the event is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import msgspec
from eth_abi.exceptions import EncodingError
from support.lies.served import Served, implied, relogged, signed
from support.lies.told import Told
from support.worlds.chain import ADDRESSES
from support.worlds.logged import logged
from support.worlds.signing import CALLS, key
from support.worlds.world import NAMES

from ledger.chain import rlp
from ledger.errors import Malformed
from ledger.events import records as r
from ledger.formats.digest import keccak

Way = Literal["log", "calldata", "storage", "signed"]
WAYS: tuple[Way, ...] = get_args(Way)
Path = tuple[str, ...]
LARGEST = tuple((1 << bits) - 1 for bits in (8, 32, 40, 64))
UNSAYABLE = (EncodingError, Malformed)
"""What no log can hold, or no reader takes: an auditor's node refuses it before there is a history."""


@dataclass(frozen=True)
class Mutation:
    """One field of the event at a place, under another value, told in a way."""

    place: int
    path: Path
    value: Any
    way: Way

    def __str__(self) -> str:
        shown = self.value.hex() if isinstance(self.value, bytes) else self.value
        return f"{self.way}: event {self.place}, {'.'.join(self.path)} = {shown}"


def mutations(events: tuple[r.Event, ...]) -> Iterator[Mutation]:
    """All of them, in order."""
    for place, event in enumerate(events):
        near = _neighbour(events, place)
        for path in paths(event):
            mine = value_at(event, path)
            others = dict.fromkeys(_others(mine, value_at(near, path) if near else mine))
            for value in (one for one in others if one != mine):
                yield from (Mutation(place, path, value, way) for way in _ways(event, path))


def paths(event: r.Event) -> Iterator[Path]:
    """The fields of an event, those inside its structs one by one; the leaf follows from the others."""
    for name in type(event).__struct_fields__:
        value = getattr(event, name)
        inner = getattr(value, "__struct_fields__", None) or getattr(value, "_fields", None)
        if inner:
            yield from ((name, part) for part in inner)
        elif name != "leaf":
            yield (name,)


def value_at(event: r.Event, path: Path) -> Any:
    """A field's value."""
    value: Any = event
    for name in path:
        value = getattr(value, name)
    return value


def put(event: r.Event, path: Path, value: Any) -> r.Event:
    """The event with another value in a field, and the leaf that follows.

    Raises what the encoder does where no log can hold it.
    """
    name, *rest = path
    if rest:
        whole = getattr(event, name)
        changes = {rest[0]: value}
        value = whole._replace(**changes) if isinstance(whole, tuple) else msgspec.structs.replace(whole, **changes)
    return logged(msgspec.structs.replace(event, **{name: value}), ADDRESSES)


def told(truth: Served, mutation: Mutation) -> Told | None:
    """The lie; None where no log can say so."""
    event = truth.events[mutation.place]
    try:
        made = relogged(put(event, mutation.path, mutation.value))
    except UNSAYABLE:
        return None
    served, liars = truth, frozenset[str]()
    if mutation.way in ("signed", "calldata"):
        made, raw = signed(made, **implied(truth, event, made))
        if mutation.way == "calldata":
            raw = _unsigned(raw, truth.transactions[event.tx][0])
            made = logged(msgspec.structs.replace(made, tx=keccak(raw)), ADDRESSES)
        else:
            liars = frozenset({_author(truth, event)})
        served = served.showing(raw, made.block)
    served = served.with_event(mutation.place, made)
    if mutation.way != "log":
        served = served.matched()
    return Told(truth, served, liars)


def flipped(data: bytes, bit: int) -> bytes:
    """Bytes with one bit turned over."""
    changed = bytearray(data)
    changed[bit // 8 % len(data)] ^= 1 << bit % 8
    return bytes(changed)


def _ways(event: r.Event, path: Path) -> tuple[Way, ...]:
    """A member can sign its own statement, not under another's name, and not where it stands on the chain; here only
    what the event repeats whole.
    """
    who, _, arguments = CALLS.get(type(event), ("", "", {}))
    whole = all(hasattr(event, name) for name in arguments)
    own = hasattr(event, who) and whole and path[0] not in (who, "block", "log", "tx")
    return WAYS if own else ("log", "storage")


def _others(mine: Any, near: Any) -> list[Any]:
    """Other values in a field's place."""
    if mine == b"":
        return []
    if isinstance(mine, bytes):
        return [flipped(mine, 5), flipped(mine, 8 * len(mine) - 1), bytes(len(mine)), b"\xff" * len(mine), near]
    if isinstance(mine, int):
        return [mine + 1, mine - 1, mine ^ 2, 0, *LARGEST, near]
    if mine.startswith("0x"):
        return [key(7), "0x" + "00" * 20, near, key(0), key(3)]
    return [mine + "/", "", near]


def _neighbour(events: tuple[r.Event, ...], place: int) -> r.Event | None:
    """The nearest other event of the same kind."""
    kind = type(events[place])
    near = [at for at, event in enumerate(events) if type(event) is kind and at != place]
    return events[min(near, key=lambda at: abs(at - place))] if near else None


def _author(truth: Served, event: r.Event) -> str:
    member = truth.history().member_of(getattr(event, CALLS[type(event)][0]))
    assert member is not None
    return NAMES[member.index]


def _unsigned(raw: bytes, signed_before: bytes) -> bytes:
    """A transaction's content under the signature of another one."""
    content, signature = rlp.decode(raw[1:]), rlp.decode(signed_before[1:])
    assert isinstance(content, list) and isinstance(signature, list)
    return raw[:1] + rlp.encode([*content[:-3], *signature[-3:]])
