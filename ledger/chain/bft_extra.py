"""The `extraData` of headers of QBFT and IBFT 2.0 (EIP-650's heirs): validators, a vote, a round and the seals.

It is RLP of [vanity, validators, vote, round, seals]. Seals differ from node to node, and the round from try to try, so
neither is in the block's hash. Pure.
"""

from collections.abc import Callable
from typing import NamedTuple

from ledger.chain import rlp
from ledger.formats.signatures import LENGTH as SEAL

ADDRESS = 20
_VOTE, _ROUND, _SEALS = 2, 3, 4


class Extra(NamedTuple):
    """The five parts as they stand, the validators (20 bytes each) and the seals (65 bytes each: r, s, parity)."""

    parts: list[rlp.Item]
    validators: tuple[bytes, ...]
    seals: tuple[bytes, ...]


def read_extra(extra: bytes) -> Extra:
    """Read it strictly. Raises ValueError where it is not of that form, or not in the one encoding."""
    match rlp.decode(extra):
        case [bytes(vanity), [*validators], vote, bytes(round_), [*seals]]:
            parts: list[rlp.Item] = [vanity, validators, vote, round_, seals]
            return Extra(parts, _all(validators, ADDRESS), _all(seals, SEAL))
    raise ValueError("the header's extra data are not those of QBFT or IBFT")


def _all(items: list[rlp.Item], size: int) -> tuple[bytes, ...]:
    found = tuple(item for item in items if isinstance(item, bytes) and len(item) == size)
    if len(found) != len(items):
        raise ValueError("the header's extra data have a part of another size")
    return found


def _qbft(parts: list[rlp.Item], round_: rlp.Item) -> bytes:
    """With a vote against a validator in its one form, whichever the header has."""
    vote = parts[_VOTE]
    if isinstance(vote, list) and vote[1:] == [b"\0"]:
        vote = [vote[0], b""]
    return rlp.encode([*parts[:_VOTE], vote, round_, []])


Rule = Callable[[Extra], bytes]
ON_CHAIN: dict[str, Rule] = {
    "qbft": lambda extra: _qbft(extra.parts, b""),
    "ibft2": lambda extra: rlp.encode(extra.parts[:_ROUND]),
}
"""What the block's hash covers, by kind of chain: no seals, and round 0 or none."""
SIGNED: dict[str, Rule] = {
    "qbft": lambda extra: _qbft(extra.parts, extra.parts[_ROUND]),
    "ibft2": lambda extra: rlp.encode(extra.parts[:_SEALS]),
}
"""What a seal signs: the header without seals, but with the round."""
