"""A member's statement that it brings no more of its data into a job, `withdrawal/1` (docs/spec/withdrawal.md).

It is under the member's key, and names a block that it was made after; the digest of its CID is on the ledger. What it
promises can be held against the ledger: the member commits to no update of a later round.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

from ledger.errors import Malformed, Refuted
from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import checksum_address, decode, encode, sha256
from ledger.formats.grammar import check_text
from ledger.formats.signatures import signer
from ledger.formats.strict import Strict
from ledger.formats.text import plural
from ledger.formats.typed import TypedData, Types, domain, typed_digest
from ledger.history.state import JobState, Member, WithdrawnData

FORMAT: Literal["withdrawal/1"] = "withdrawal/1"
MAX_SIZE = 1 << 16
TYPES: Types = {
    "Withdrawal": [
        {"name": "job", "type": "uint32"},
        {"name": "jobDigest", "type": "bytes32"},
        {"name": "member", "type": "uint8"},
        {"name": "lastRound", "type": "uint32"},
        {"name": "blockNumber", "type": "uint256"},
        {"name": "blockHash", "type": "bytes32"},
        {"name": "reason", "type": "string"},
    ]
}


class SignedPlace(Strict, frozen=True):
    """The block that the statement was made after."""

    number: int
    hash: str


NO_BLOCK = SignedPlace(number=0, hash=64 * "0")
"""Of a chain that is too short to have a block to go by."""


class Withdrawal(Strict, frozen=True):
    """`last_round` is the newest round when it was made, 0 before the first: no later one gets an update of this
    member's. `signature` is 65 bytes of its key.
    """

    fedledger: Literal["withdrawal/1"]
    chain: int
    ledger: str
    job: int
    digest: str
    member: int
    key: str
    last_round: int
    block: SignedPlace
    reason: str
    signature: str = ""

    def encode(self) -> bytes:
        return encode(self)

    def to_sign(self) -> TypedData:
        """What the member's key signs."""
        return domain(self.chain, self.ledger), dict(TYPES), dict(self._said())

    def _said(self) -> Mapping[str, Any]:
        return {
            "job": self.job,
            "jobDigest": bytes.fromhex(self.digest),
            "member": self.member,
            "lastRound": self.last_round,
            "blockNumber": self.block.number,
            "blockHash": bytes.fromhex(self.block.hash),
            "reason": self.reason,
        }

    @property
    def signed_by(self) -> str:
        """The key that signed it. Raises Malformed where the signature is not in its one form."""
        digest = typed_digest(self.chain, self.ledger, TYPES, self._said())
        return signer(digest, bytes.fromhex(self.signature.removeprefix("0x")))


def parse(data: bytes) -> Withdrawal:
    """Read a statement. Raises Malformed for another form."""
    if len(data) > MAX_SIZE:
        raise Malformed("the withdrawal is too large", size=len(data), maximum=MAX_SIZE)
    found: Withdrawal = decode(data, Withdrawal, "the withdrawal")
    for field, text, form in (
        ("digest", found.digest, "[0-9a-f]{64}"),
        ("block.hash", found.block.hash, "[0-9a-f]{64}"),
        ("signature", found.signature, "0x[0-9a-f]{130}"),
    ):
        if not re.fullmatch(form, text):
            raise Malformed(f"{field} of the withdrawal is not in its form", expected=form, actual=text[:140])
    for field, value, most in (
        ("chain", found.chain, (1 << 63) - 1),
        ("job", found.job, (1 << 32) - 1),
        ("member", found.member, 254),
        ("last_round", found.last_round, (1 << 24) - 1),
        ("block.number", found.block.number, (1 << 63) - 1),
    ):
        if not 0 <= value <= most:
            raise Malformed(f"{field} of the withdrawal is out of range", maximum=most, actual=value)
    for field, address in (("ledger", found.ledger), ("key", found.key)):
        if not re.fullmatch("0x[0-9a-fA-F]{40}", address) or checksum_address(bytes.fromhex(address[2:])) != address:
            raise Malformed(f"{field} of the withdrawal is not an address in EIP-55 form", actual=address[:80])
    check_text(found.reason, "reason")
    return found


def check(
    found: Withdrawal, place: tuple[int, str], state: JobState, member: Member | None, block: bytes
) -> tuple[int, ...]:
    """Hold a statement against the ledger; the rounds in which it was not kept to, none where it was. `member` is the
    one that holds or held its key, `block` the hash that the chain has for the number of its block.

    1. It is of this ledger, and of this job.
    2. It is under the key that it names.
    3. That key is or was the member's.
    4. The block that it was made after is the chain's, unless it names none.
    5. The ledger has no other statement of this member's on this job.
    6. No round after it, or after it came onto the ledger, has an update of this member's: else these are returned.

    Raises Refuted, saying which of 1 to 5 does not hold.
    """
    require_place(found, place)
    if found.digest != state.digest.hex():
        raise Refuted("the withdrawal is of another job", expected=state.digest.hex(), actual=found.digest)
    by = found.signed_by
    if by != found.key:
        raise Refuted("the withdrawal is not under the key that it names", expected=found.key, actual=by)
    if member is None or member.index != found.member:
        raise Refuted("the key of the withdrawal never spoke for this member", member=found.member, key=found.key)
    if found.block != NO_BLOCK and found.block.hash != block.hex():
        raise Refuted(
            "the withdrawal names a block that is not the chain's",
            block=found.block.number,
            expected=block.hex(),
            actual=found.block.hash,
        )
    recorded = state.withdrawn.get(found.member)
    if recorded is not None and recorded.statement != digest_of(found):
        raise Refuted(
            "the ledger has another statement of this member's",
            block=recorded.block,
            expected=recorded.statement.hex(),
            actual=digest_of(found).hex(),
        )
    last = found.last_round if recorded is None else min(found.last_round, recorded.last_round)
    return tuple(sorted(n for n, one in state.rounds.items() if n > last and found.member in one.commitments))


def require_place(found: Withdrawal, place: tuple[int, str]) -> None:
    """Raises Refuted for a statement of another ledger, of whose jobs and blocks this one tells nothing."""
    if (found.chain, found.ledger) != place:
        expected, actual = f"{place[0]}, {place[1]}", f"{found.chain}, {found.ledger}"
        raise Refuted("the withdrawal is of another ledger", expected=expected, actual=actual)


def file_in(folder: Path, job: int) -> Path:
    """Where a home keeps its statement on a job: where anything is there, its data are trained on no more."""
    return folder / f"{job}.json"


def digest_of(found: Withdrawal) -> bytes:
    """What names the statement: its SHA-256, which is its CID's digest, too."""
    return sha256(found.encode())


def address_of(said: WithdrawnData) -> Cid:
    """The CID of the statement that the ledger names: one block, as a statement has at most MAX_SIZE bytes."""
    return Cid(RAW, said.statement)


def withdrawn(state: JobState, name: Callable[[int], str]) -> dict[str, str]:
    """Who withdrew its data from a job, and after which round, in words; nothing where nobody did."""
    said = [
        f"{name(index)}, after round {one.last_round} (block {one.block}){_breach(state, index)}"
        for index, one in sorted(state.withdrawn.items())
    ]
    return {"data withdrawn by": "; ".join(said)} if said else {}


def _breach(state: JobState, index: int) -> str:
    broken = state.broken_by(index)
    return f", and committed to updates after it: {plural(len(broken), 'round')}, first {broken[0]}" if broken else ""
