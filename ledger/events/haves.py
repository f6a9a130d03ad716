"""What a member signs, off chain, of the updates that it holds, and to push one of its own (docs/spec/commitments.md).

Both are EIP-712 messages under RoundLedger's domain. A bitmap has bit i for member i.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from ledger.formats.digest import sha256
from ledger.formats.signatures import signer
from ledger.formats.typed import TypedData, Types, domain, typed_digest

HAVE_TYPES: Types = {
    "Have": [
        {"name": "job", "type": "uint32"},
        {"name": "round", "type": "uint32"},
        {"name": "updates", "type": "uint256"},
        {"name": "content", "type": "bytes32"},
        {"name": "block", "type": "uint40"},
    ]
}
PUSH_TYPES: Types = {
    "Push": [
        {"name": "job", "type": "uint32"},
        {"name": "round", "type": "uint32"},
        {"name": "file", "type": "bytes32"},
    ]
}


class Have(NamedTuple):
    """Says "I hold the bytes of these updates", a bitmap by member index.

    `content` says which bytes, whatever becomes of the chain (`content_of`); `block` is the number of the latest block
    that the signer knew.
    """

    job: int
    round: int
    updates: int
    content: bytes
    block: int


class Push(NamedTuple):
    """Says "I send you the bytes of my update of this round": `file` is the digest of its CID."""

    job: int
    round: int
    file: bytes


def content_of(cids: Mapping[int, bytes]) -> bytes:
    """The digest of what a Have is about: `cids` has the digest in the CID of each update, by its member's index."""
    return sha256(b"".join(bytes([index]) + cids[index] for index in sorted(cids)))


def have_to_sign(chain: int, contract: str, have: Have) -> TypedData:
    """What a member signs to say what it holds; `contract` is RoundLedger's address."""
    return domain(chain, contract), HAVE_TYPES, have._asdict()


def push_to_sign(chain: int, contract: str, push: Push) -> TypedData:
    """What a member signs to push its update; `contract` is RoundLedger's address."""
    return domain(chain, contract), PUSH_TYPES, push._asdict()


@lru_cache(maxsize=1 << 10)
def digest_of(chain: int, contract: str, said: Have | Push) -> bytes:
    """The EIP-712 digest of a message."""
    types = HAVE_TYPES if isinstance(said, Have) else PUSH_TYPES
    return typed_digest(chain, contract, types, said._asdict())


@lru_cache(maxsize=1 << 14)
def signer_of(chain: int, contract: str, said: Have | Push, signature: bytes) -> str:
    """The address whose key signed a message. Raises Malformed for a signature that is not in its one form."""
    return signer(digest_of(chain, contract, said), signature)
