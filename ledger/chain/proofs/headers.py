"""A block's header, made again from what a node shows of it: its hash covers the root of the chain's state."""

from typing import Any

from ledger.chain.evidence import rlp
from ledger.formats.digest import keccak

FIRST = (
    *("parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"),
    *("difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"),
)
LATER = (
    *("baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas"),
    *("parentBeaconBlockRoot", "requestsHash"),
)
"""What forks added, in this order (EIP-1559, 4895, 4844, 4788, 7685): a header ends with the last it has."""
NUMBERS = {"difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas"}
_HASH = 32


def state_root(shown: Any, hash_: bytes) -> bytes | None:
    """The root of the state after a block, where the header that a node shows hashes to the block's hash.

    None where it does not: chains of QBFT and IBFT hash other bytes, and later forks may add fields.
    """
    try:
        header = [_field(shown, name) for name in (*FIRST, *(one for one in LATER if shown.get(one) is not None))]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    root = header[FIRST.index("stateRoot")]
    return root if len(root) == _HASH and keccak(rlp.encode(header)) == hash_ else None


def _field(shown: dict[str, Any], name: str) -> bytes:
    digits = shown[name].removeprefix("0x")
    return rlp.number(int(digits, 16)) if name in NUMBERS else bytes.fromhex(digits)
