"""What a child signs of its update, and what its edge answers (docs/spec/commitments.md, "Children").

Both are EIP-712 messages under RoundLedger's domain. They name the edge by its member index: a key that is rotated
changes nothing that was signed.
"""

from functools import lru_cache
from typing import NamedTuple

from ledger.formats.signatures import signer
from ledger.formats.typed import TypedData, Types, domain, typed_digest

_UPDATE = [
    {"name": "job", "type": "uint32"},
    {"name": "round", "type": "uint32"},
    {"name": "edge", "type": "uint8"},
    {"name": "weight", "type": "uint32"},
    {"name": "root", "type": "bytes32"},
    {"name": "cid", "type": "bytes32"},
]
UPDATE_TYPES: Types = {"ChildUpdate": _UPDATE}
RECEIPT_TYPES: Types = {"ChildReceipt": [*_UPDATE[:3], {"name": "party", "type": "address"}, *_UPDATE[3:]]}


class ChildUpdate(NamedTuple):
    """Says "this is my update of the round, for the sum of this edge".

    `root` is the update's tensor root, `cid` the digest in its file's CID: 32 bytes each. `weight` is how many samples
    it was trained on.
    """

    job: int
    round: int
    edge: int
    weight: int
    root: bytes
    cid: bytes


class ChildReceipt(NamedTuple):
    """Says "this update of this child will be in my sum of the round": the edge signs it."""

    job: int
    round: int
    edge: int
    party: str
    weight: int
    root: bytes
    cid: bytes


def receipt_for(update: ChildUpdate, party: str) -> ChildReceipt:
    """What an edge signs for a child's update."""
    return ChildReceipt(update.job, update.round, update.edge, party, update.weight, update.root, update.cid)


def update_to_sign(chain: int, ledger: str, update: ChildUpdate) -> TypedData:
    """What a child signs; `ledger` is RoundLedger's address."""
    return domain(chain, ledger), UPDATE_TYPES, update._asdict()


def receipt_to_sign(chain: int, ledger: str, receipt: ChildReceipt) -> TypedData:
    """What an edge signs; `ledger` is RoundLedger's address."""
    return domain(chain, ledger), RECEIPT_TYPES, receipt._asdict()


def digest_of(chain: int, ledger: str, said: ChildUpdate | ChildReceipt) -> bytes:
    """The EIP-712 digest of a message."""
    types = UPDATE_TYPES if isinstance(said, ChildUpdate) else RECEIPT_TYPES
    return typed_digest(chain, ledger, types, said._asdict())


@lru_cache(maxsize=1 << 14)
def signer_of(chain: int, ledger: str, said: ChildUpdate | ChildReceipt, signature: bytes) -> str:
    """The address whose key signed a message. Raises Malformed for a signature that is not in its one form."""
    return signer(digest_of(chain, ledger, said), signature)
