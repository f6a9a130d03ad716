"""What the contracts hash, so that every party can compute the same 32 bytes (RoundLedger.sol and ScoreBoard.sol).

`abi.encode` of static values is their 32-byte words in a row: integers and addresses to the right, bytes28 to the left.
"""

from collections.abc import Iterable, Mapping, Sequence

from ledger.errors import Malformed
from ledger.formats.digest import keccak

WORD = 32
HEAD = 28
NO_HEAD = bytes(HEAD)
SCORE = 4
CHUNK = 32
"""Scores in a chunk: what is hashed, and settled, together."""
LARGEST_SCORERS = 64
"""Scorers of a round, at most."""
LARGEST_SCORE = 1_000_000_000


def _word(value: int) -> bytes:
    return value.to_bytes(WORD, "big")


def _address(key: str) -> bytes:
    return bytes.fromhex(key[2:]).rjust(WORD, b"\x00")


def claim(job: int, round_: int, root: bytes, cid: bytes, verdicts: bytes) -> bytes:
    """What an aggregate claims, and what an attesting member must have computed itself."""
    return keccak(_word(job) + _word(round_) + root + cid + keccak(verdicts))


def next_head(head: bytes, job: int, round_: int, weight: int, root: bytes, cid: bytes) -> bytes:
    """A party's hash chain after one more update: 28 bytes, from `NO_HEAD`."""
    words = head.ljust(32, b"\x00") + _word(job) + _word(round_) + _word(weight) + root + cid
    return keccak(words)[:HEAD]


def pack_scores(scores: Sequence[int]) -> bytes:
    """Scores as the chain has them: big-endian int32 in a row. Raises Malformed for one out of range."""
    for place, score in enumerate(scores):
        if abs(score) > LARGEST_SCORE:
            raise Malformed("a score is out of range", update=place, maximum=LARGEST_SCORE, actual=score)
    return b"".join(score.to_bytes(SCORE, "big", signed=True) for score in scores)


def unpack_scores(data: bytes, count: int) -> tuple[int, ...]:
    """The other way, for so many updates. Raises Malformed for another length or a score out of range."""
    if len(data) != SCORE * count:
        raise Malformed("there is not one score for each admitted update", expected=SCORE * count, actual=len(data))
    places = range(0, len(data), SCORE)
    scores = tuple(int.from_bytes(data[at : at + SCORE], "big", signed=True) for at in places)
    pack_scores(scores)
    return scores


def scoring_seed(block: bytes, chain: int, board: str, job: int, round_: int, claim: bytes) -> bytes:
    """The seed of a scoring: `block` is the hash of the block before its opening, `claim` the round's final one."""
    return keccak(block + _word(chain) + _address(board) + _word(job) + _word(round_) + claim)


def scores_hash(scorer: str, scores: Sequence[int]) -> bytes:
    """The hash of a scorer's scores, or of those from a chunk on: each chunk with the hash of all that follow it."""
    digest = _address(scorer)
    for start in reversed(range(0, len(scores), CHUNK)):
        digest = keccak(pack_scores(scores[start : start + CHUNK]) + digest)
    return digest


def scores_commitment(
    chain: int, board: str, job: int, round_: int, scorer: str, salt: bytes, scores: Sequence[int]
) -> bytes:
    """What a scorer commits to: nobody reads the scores from it, and nobody else can reveal it."""
    place = _word(chain) + _address(board) + _word(job) + _word(round_)
    return keccak(place + _address(scorer) + salt + scores_hash(scorer, scores))


def scores_root(
    job: int,
    round_: int,
    seed: bytes,
    withheld: Iterable[int],
    revealed: Mapping[int, tuple[str, Sequence[int]]],
    medians: Sequence[int],
) -> bytes:
    """A settled scoring in one word: all that the log says of it, so that the log can be held to the chain.

    `withheld` and the keys of `revealed` are member indices; `revealed` has each scorer's key and scores, in the order
    of the reveals.
    """
    shown = seed
    for scorer, scores in revealed.values():
        shown = keccak(shown + scores_hash(scorer, scores))
    bits, revealers = (sum(1 << index for index in indices) for indices in (withheld, revealed))
    root = keccak(_word(job) + _word(round_) + seed + _word(bits) + _word(revealers) + shown)
    for start in range(0, len(medians), CHUNK):
        root = keccak(root + pack_scores(medians[start : start + CHUNK]))
    return root


def lower_median(values: Iterable[int]) -> int:
    """The median of scores, the lower one of two: element (k - 1) / 2 of k in ascending order."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2]
