"""What the contracts hash, so that every party can compute the same 32 bytes (contracts/RoundLedger.sol).

`abi.encode` of static values is their 32-byte words in a row: integers to the right, bytes28 to the left.
"""

from ledger.digest import keccak

HEAD = 28
NO_HEAD = bytes(HEAD)


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def claim(job: int, round_: int, root: bytes, cid: bytes, verdicts: bytes) -> bytes:
    """What an aggregate claims, and what an attesting member must have computed itself."""
    return keccak(_word(job) + _word(round_) + root + cid + keccak(verdicts))


def next_head(head: bytes, job: int, round_: int, weight: int, root: bytes, cid: bytes) -> bytes:
    """A party's hash chain after one more update: 28 bytes, from `NO_HEAD`."""
    words = head.ljust(32, b"\x00") + _word(job) + _word(round_) + _word(weight) + root + cid
    return keccak(words)[:HEAD]
