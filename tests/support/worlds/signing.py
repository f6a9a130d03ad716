"""Keys of members in memory, and the signed transactions behind what they say, encoded by another library."""

from functools import cache
from typing import Any

import coincurve
import msgspec
from eth_abi.abi import encode
from eth_account import Account

from ledger.chain import rlp
from ledger.events import records
from ledger.events.event import Event
from ledger.formats.digest import checksum_address, keccak
from ledger.keys.signers import LocalSigner

TERMS = "(uint32,uint32,uint32,uint32,uint32,uint8,uint32,uint32,uint8,uint8)"
MODEL = "(bytes32,uint64,uint8,uint8,uint32,uint32,uint32,uint64,bool)"
AGGREGATE = "(bytes32,bytes32,bytes32,uint40,bytes32,bytes32,bytes32,bytes32,bytes)"
SPENDING = "(bytes32,uint64,uint64)"
MASKING = "(uint16,uint8,uint8,uint32,uint32,uint32,uint32)"
ROUND = {"job": "uint32", "round": "uint32"}
SEGMENT = {"job": "uint32", "segment": "uint32"}
CALLS: dict[type[Event], tuple[str, str, dict[str, str]]] = {
    records.JobProposed: ("proposer", "proposeJob", {"digest": "bytes32", "terms": TERMS, "model": MODEL}),
    records.UpdateCommitted: ("party", "commitUpdate", ROUND | {"commitment": "bytes28"}),
    records.AggregatePublished: (
        "aggregator",
        "publishAggregate",
        ROUND | {"aggregate": AGGREGATE, "claim": "bytes32"},
    ),
    records.Attested: (
        "member",
        "attest",
        ROUND | {"attempt": "uint8", "form": "uint8", "claim": "bytes32", "detail": "bytes32"},
    ),
    records.KeyRotated: ("old_key", "rotateKey", {"new_key": "address"}),
    records.RotationApproved: ("signer", "approveRotation", {"index": "uint8", "new_key": "address"}),
    records.Voted: ("member", "vote", {"proposal": "bytes32", "choice": "uint8"}),
    records.RoundOpened: ("opener", "openRound", {"job": "uint32"}),
    records.ScoresCommitted: ("scorer", "commitScores", ROUND | {"commitment": "bytes32"}),
    records.ScoresRevealed: ("scorer", "revealScores", ROUND | {"salt": "bytes32", "scores": "bytes"}),
    records.SpendingConfigured: ("signer", "configure", {"job": "uint32", "terms": SPENDING}),
    records.Spent: ("member", "spend", ROUND),
    records.DataWithdrawn: ("member", "withdrawData", {"job": "uint32", "digest": "bytes32", "statement": "bytes32"}),
    records.MaskingConfigured: ("signer", "configure", {"job": "uint32", "terms": MASKING}),
    records.MaskKeyRegistered: ("member", "registerKey", {"key": "bytes32"}),
    records.SegmentOpened: ("aggregator", "openSegment", SEGMENT),
    records.SegmentSetUp: ("member", "setUp", SEGMENT | {"deadline": "uint40", "cid": "bytes32"}),
    records.CastProposed: ("aggregator", "proposeCast", SEGMENT | {"cast": "uint256"}),
    records.CastAgreed: ("member", "agreeCast", SEGMENT | {"cast": "uint256"}),
    records.SetAgreed: ("member", "agreeSet", ROUND | {"set": "uint256"}),
    records.SetProposed: ("aggregator", "proposeSet", ROUND | {"set": "uint256", "receipts": "bytes32"}),
    records.Unmasked: ("member", "unmask", ROUND | {"seed": "bytes32", "shares": "bytes"}),
    records.SharesGiven: ("member", "giveShares", ROUND | {"shares": "bytes"}),
    records.UpdateUnmasked: ("member", "open", ROUND | {"key": "bytes32"}),
}
"""For an event that a member made itself: the field that names it, the function, its arguments with their types."""
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
    who, function, types = CALLS[kind]
    if fields.get(who) not in _SECRETS:
        return None
    arguments = [_plain(fields[name]) for name in types]
    selector = keccak(f"{function}({','.join(types.values())})".encode())[:4]
    data = selector + encode(list(types.values()), arguments)
    return transaction(_SECRETS[fields[who]], contract, data, chain, nonce)


def _plain(value: Any) -> Any:
    return msgspec.structs.astuple(value) if isinstance(value, msgspec.Struct) else value


def member_signer(index: int) -> LocalSigner:
    """What signs with a member's first key."""
    return LocalSigner(Account.from_key(_SECRETS[key(index)].secret), light=True)


def sign_digest(address: str, digest: bytes) -> bytes:
    """A member's signature of an EIP-712 digest: r, s, v."""
    signature = _SECRETS[address].sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([signature[64] + 27])


def transaction(secret: coincurve.PrivateKey, to: str, data: bytes, chain: int, nonce: int) -> bytes:
    """A transaction of type 2."""
    numbers = [rlp.number(value) for value in (chain, nonce, 1, 2, 100_000)]
    unsigned: list[rlp.Item] = [*numbers, bytes.fromhex(to[2:]), b"", data, []]
    signature = secret.sign_recoverable(keccak(b"\x02" + rlp.encode(unsigned)), hasher=None)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    return b"\x02" + rlp.encode([*unsigned, rlp.number(signature[64]), rlp.number(r), rlp.number(s)])
