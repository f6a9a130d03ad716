"""What the contracts hash, so that every party can compute the same 32 bytes (RoundLedger.sol and ScoreBoard.sol).

`abi.encode` of static values is their 32-byte words in a row: integers and addresses to the right, bytes28 and bytes16
to the left.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from ledger.errors import Malformed
from ledger.formats.digest import checksum_address, keccak, parse_address, sha256

WORD = 32
SCORE = 4
CHUNK = 32
"""Scores in a chunk: what is hashed, and settled, together."""
LARGEST_SCORERS = 64
"""Scorers of a round, at most."""
LARGEST_SCORE = 1_000_000_000
COMMITMENT = 28
OPENING = 104
SALT = 16
ENTRY = 65
"""Bytes of an opened update in what a claim covers."""
LARGEST_WEIGHT = (1 << 32) - 1
UPDATE_DOMAIN = keccak(b"fedledger/update/3")
CLAIM_DOMAIN = keccak(b"fedledger/claim/5")


class RoundName(NamedTuple):
    """Which round: chain id, the RoundLedger's address, numbers of job and round."""

    chain: int
    ledger: str
    job: int
    round: int

    @property
    def words(self) -> bytes:
        """As the contracts hash it."""
        return _word(self.chain) + _address(self.ledger) + _word(self.job) + _word(self.round)


class UpdateOpening(NamedTuple):
    """What a party committed to: its key, its update's weight, tensor root and CID digest, and 16 bytes of salt."""

    party: str
    weight: int
    root: bytes
    cid: bytes
    salt: bytes


class OpenedEntry(NamedTuple):
    """An opened update as a claim covers it: its member's index, weight and tensor root, and the commitment to it, by
    which its party's key and its CID are covered.
    """

    member: int
    weight: int
    root: bytes
    commitment: bytes

    @property
    def packed(self) -> bytes:
        """65 bytes: the index in one, the weight in four, big-endian, root and commitment."""
        return bytes([self.member]) + self.weight.to_bytes(4, "big") + self.root + self.commitment


class Claimed(NamedTuple):
    """What an aggregate says.

    `base` is the root of the model that the round builds on; `root` and `cid` are the new model's; `head` covers all
    events up to block `as_of`, whose hash is `anchor`; `receipts` is the digest of the receipts file, `carried` that of
    the carried file, zero where the round carries nothing. 32 bytes each. `verdicts` has one byte for each update.
    """

    base: bytes
    root: bytes
    cid: bytes
    as_of: int
    anchor: bytes
    head: bytes
    receipts: bytes
    carried: bytes
    verdicts: bytes


def _word(value: int) -> bytes:
    return value.to_bytes(WORD, "big")


def _address(key: str) -> bytes:
    return bytes.fromhex(key[2:]).rjust(WORD, b"\x00")


def opened_after(before: bytes, entries: Iterable[OpenedEntry]) -> bytes:
    """The digest over a round's openings once one more call has opened these, in its order; `before` is the one until
    then, that of the job's document at first."""
    return sha256(before + b"".join(entry.packed for entry in entries))


def opened_digest(document: bytes, batches: Iterable[Iterable[OpenedEntry]]) -> bytes:
    """The digest over a round's openings, call by call in the ledger's order: 32 bytes.

    `document` is the digest of the job's document, which it begins with: who signs a claim signs which job that is.
    """
    digest = document
    for entries in batches:
        digest = opened_after(digest, entries)
    return digest


def claim_of(round_: RoundName, opened: bytes, said: Claimed) -> bytes:
    """What an aggregate of a round claims, and what an attesting member must have computed itself: 32 bytes.

    `opened` is the digest over the round's openings (`opened_digest`).
    """
    models = said.base + opened + said.root + said.cid
    history = _word(said.as_of) + said.anchor + said.head
    files = said.receipts + said.carried
    return keccak(CLAIM_DOMAIN + round_.words + models + history + files + keccak(said.verdicts))


def witness(member: str, claim: bytes, sums: bytes) -> bytes:
    """What a member that agrees with a claim shows of having computed it: 32 bytes.

    `sums` is the root over what is divided to make the model, which no published file yields; 32 zero bytes where there
    is no model.
    """
    return sha256(bytes.fromhex(member[2:]) + claim + sums)


@lru_cache(maxsize=64)
def update_domain(round_: RoundName) -> bytes:
    """What makes a round's commitments differ from those of any other round: 32 bytes."""
    return keccak(UPDATE_DOMAIN + round_.words)


def commitment(round_: RoundName, opening: UpdateOpening) -> bytes:
    """What a party commits to an update with: 28 bytes, from which nobody reads the update or copies it."""
    party, weight, root, cid, salt = opening
    words = _address(party) + _word(weight) + root + cid + salt.ljust(WORD, b"\x00")
    return keccak(update_domain(round_) + words)[:COMMITMENT]


def pack_openings(openings: Iterable[UpdateOpening]) -> bytes:
    """Openings as the contract takes them, 104 bytes each. Raises Malformed for one with a part of another size."""
    return b"".join(_pack_opening(*opening) for opening in openings)


def _pack_opening(party: str, weight: int, root: bytes, cid: bytes, salt: bytes) -> bytes:
    key = bytes.fromhex(parse_address(party, "opening")[2:])
    if not 0 <= weight <= LARGEST_WEIGHT or len(salt) != SALT or any(len(word) != WORD for word in (root, cid)):
        raise Malformed("an opening has a part of another size", party=party, weight=weight)
    return key + weight.to_bytes(4, "big") + root + cid + salt


def unpack_openings(data: bytes) -> list[UpdateOpening]:
    """The other way: every byte counts, so there is no second form. Raises Malformed for another length."""
    if len(data) % OPENING:
        raise Malformed("openings are 104 bytes each", actual=len(data))
    return [_unpack_opening(data[at : at + OPENING]) for at in range(0, len(data), OPENING)]


def _unpack_opening(data: bytes) -> UpdateOpening:
    weight = int.from_bytes(data[20:24], "big")
    return UpdateOpening(checksum_address(data[:20]), weight, data[24:56], data[56:88], data[88:])


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
