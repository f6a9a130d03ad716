"""The seed of a scoring, as docs/spec/scores.md says it: contracts make it, and nobody else needs to."""

from eth_abi.abi import encode
from eth_utils.crypto import keccak

TYPES = ("bytes32", "uint256", "address", "uint256", "uint256", "bytes32")


def scoring_seed(block: bytes, chain: int, board: str, job: int, round_: int, claim: bytes) -> bytes:
    """`block` is the hash of the block before its opening, `claim` the round's final one."""
    return keccak(encode(TYPES, (block, chain, board, job, round_, claim)))
