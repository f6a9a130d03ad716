"""A refutation as calls of AggregateCourt, and back: one `refute`, after calls of `show` where that is too large."""

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from ledger.chain.build import committed
from ledger.chain.codec import decoder, signature
from ledger.chain.evidence.arguments import SELECTOR, DecodeCall, call_decoder
from ledger.court.refutation import Accused, Point, ValuePlace, place_of
from ledger.errors import Malformed
from ledger.events.court import Ground
from ledger.formats.claims import ENTRY, Claimed, RoundName
from ledger.formats.digest import keccak

LARGEST = 120_000
"""Bytes of a call, at most: chain nodes take transactions of 128 KiB."""
_HEAD = 1_200
"""Bytes of a `refute` beside updates and proof, with 255 verdicts and 255 calls."""


class Call(NamedTuple):
    """A call of the court: function and arguments, as the chain's sender takes them."""

    function: str
    arguments: tuple[Any, ...]


def calls_of(accused: Accused, point: Point, claim: bytes, values: int) -> list[Call]:
    """The calls that bring a refutation before the court, in order, all by one sender; `values` is how many a model
    has.
    """
    made, shown = list[Call](), 0
    if point.ground is Ground.VALUE:
        place, admitted = place_of(point.value, values), accused.admitted
        while (left := len(admitted) - shown) > _room(accused, place):
            count = min(left, LARGEST // (place.size + ENTRY))
            start = (2 + shown) * place.size
            updates = b"".join(entry.packed for entry in admitted[shown : shown + count])
            proof = point.proof[start : start + count * place.size]
            where = (accused.job, claim, point.value, point.low, point.high)
            made.append(Call("show", (*where, shown, updates, proof)))
            shown += count
        rest = point.proof[: 2 * place.size] + point.proof[(2 + shown) * place.size :]
        point = point._replace(proof=rest)
    return [*made, refute_call(accused, point)]


def refute_call(accused: Accused, point: Point) -> Call:
    """The call of `refute` with just this point."""
    job, round_, before, document, said, updates, batches = accused
    return Call("refute", ((job, round_, before, document, tuple(said), updates, batches), tuple(point)))


def read_calls(calls: Sequence[bytes], chain: int, ledger: str, values: int) -> tuple[Accused, Point]:
    """The refutation that calls make together, from their calldata.

    1. The last is a `refute`, all before it are a `show`, as the court's own decoder takes them.
    2. What they show are the first admitted updates of its claim, at its value, each once and in order.

    Raises Malformed.
    """
    if not calls:
        raise Malformed("a refutation has one call at least")
    accused, point = _read_refute(calls[-1])
    if len(calls) == 1:
        return accused, point
    place, name = place_of(point.value, values), RoundName(chain, ledger, accused.job, accused.round)
    claim, admitted, shown, records = accused.claim(name), accused.admitted, 0, b""
    for data in calls[:-1]:
        *where, first, updates, proof = _decoded("show", data)
        count = len(updates) // ENTRY
        expected = b"".join(entry.packed for entry in admitted[shown : shown + count])
        if where != [accused.job, claim, point.value, point.low, point.high] or first != shown:
            raise Malformed("a show is of another claim or value than the refute, or out of order")
        if not count or updates != expected or len(proof) != count * place.size:
            raise Malformed("a show has other updates than the claim, or not a record of each")
        shown, records = shown + count, records + proof
    split = 2 * place.size
    return accused, point._replace(proof=point.proof[:split] + records + point.proof[split:])


def require_one_encoding(calls: Sequence[bytes]) -> None:
    """Nobody signs the calls of a file: so that none has a second form, each is in the ABI's one encoding.

    Raises Malformed.
    """
    strict = {selector: decoder(inputs) for selector, inputs in _inputs().values()}
    for data in calls:
        try:
            strict[data[:SELECTOR]](data[SELECTOR:])
        except (KeyError, ValueError) as error:
            raise Malformed(f"a call of the refutation is not in its one encoding: {error}") from error


def _room(accused: Accused, place: ValuePlace) -> int:
    """How many admitted updates' records go into a `refute`."""
    return max(0, (LARGEST - _HEAD - len(accused.updates)) // place.size - 2)


def _read_refute(data: bytes) -> tuple[Accused, Point]:
    (job, round_, before, document, said, updates, batches), (ground, *shown) = _decoded("refute", data)
    try:
        named = Ground(ground)
    except ValueError as error:
        raise Malformed("the court knows no such ground", actual=ground) from error
    return Accused(job, round_, before, document, Claimed(*said), updates, batches), Point(named, *shown)


def _decoded(function: str, data: bytes) -> list[Any]:
    selector, decode = _functions()[function]
    if data[:SELECTOR] != selector:
        raise Malformed(f"this is not a call of the court's {function}", actual=data[:SELECTOR].hex())
    try:
        return decode(data)
    except ValueError as error:
        raise Malformed(f"the court does not take this call of {function}: {error}") from error


@cache
def _functions() -> dict[str, tuple[bytes, DecodeCall]]:
    return {name: (selector, call_decoder(inputs)) for name, (selector, inputs) in _inputs().items()}


@cache
def _inputs() -> dict[str, tuple[bytes, list[dict[str, Any]]]]:
    return {
        entry["name"]: (keccak(signature(entry).encode())[:SELECTOR], entry["inputs"])
        for entry in committed("court").abi
        if entry["type"] == "function" and entry["stateMutability"] == "nonpayable"
    }
