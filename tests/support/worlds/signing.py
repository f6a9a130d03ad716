"""Keys of members in memory, and the signed transactions behind what they say, encoded by another library."""

from functools import cache
from typing import Any

import coincurve
import msgspec
from eth_abi.abi import encode

from ledger.chain.evidence import rlp
from ledger.events import records
from ledger.events.event import Event
from ledger.formats.digest import checksum_address, keccak

TERMS = "(uint32,uint32,uint32,uint32,uint8,uint32,uint32,uint8)"
CALLS: dict[type[Event], tuple[str, str, tuple[str, ...], str]] = {
    records.JobProposed: ("proposer", "proposeJob", ("digest", "terms"), f"bytes32,{TERMS}"),
    records.UpdateSubmitted: (
        "party",
        "submitUpdate",
        ("job", "round", "weight", "root", "cid"),
        "uint32,uint32,uint32,bytes32,bytes32",
    ),
    records.AggregatePublished: (
        "aggregator",
        "publishAggregate",
        ("job", "round", "root", "cid", "verdicts"),
        "uint32,uint32,bytes32,bytes32,bytes",
    ),
    records.Attested: ("member", "attest", ("job", "round", "attempt", "claim"), "uint32,uint32,uint8,bytes32"),
    records.ScoresRevealed: (
        "scorer",
        "revealScores",
        ("job", "round", "salt", "scores"),
        "uint32,uint32,bytes32,bytes",
    ),
}
"""For an event that a member made itself: the field that names it, the function, its arguments and their types."""
_SECRETS: dict[str, coincurve.PrivateKey] = {}


@cache
def key(index: int, version: int = 0) -> str:
    """The address of a member's key: the same in every run."""
    secret = coincurve.PrivateKey(keccak(b"member %d, key %d" % (index, version)))
    address = checksum_address(keccak(secret.public_key.format(compressed=False)[1:])[-20:])
    _SECRETS[address] = secret
    return address


def sign(kind: type[Event], fields: dict[str, Any], contract: str, chain: int, nonce: int) -> bytes | None:
    """The raw transaction behind an event; None for one that no member makes by itself, or whose key is unknown."""
    if kind not in CALLS:
        return None
    who, function, names, types = CALLS[kind]
    if fields[who] not in _SECRETS:
        return None
    arguments = [msgspec.structs.astuple(fields[n]) if n == "terms" else fields[n] for n in names]
    parts = types.split(",", 1) if kind is records.JobProposed else types.split(",")
    data = keccak(f"{function}({types})".encode())[:4] + encode(parts, arguments)
    return transaction(_SECRETS[fields[who]], contract, data, chain, nonce)


def transaction(secret: coincurve.PrivateKey, to: str, data: bytes, chain: int, nonce: int) -> bytes:
    """A transaction of type 2."""
    numbers = [rlp.number(value) for value in (chain, nonce, 1, 2, 100_000)]
    unsigned: list[rlp.Item] = [*numbers, bytes.fromhex(to[2:]), b"", data, []]
    signature = secret.sign_recoverable(keccak(b"\x02" + rlp.encode(unsigned)), hasher=None)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    return b"\x02" + rlp.encode([*unsigned, rlp.number(signature[64]), rlp.number(r), rlp.number(s)])
