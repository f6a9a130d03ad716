"""Proposals: what members decide on, how it stands, and what a member signs (docs/spec/ballot.md)."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, NamedTuple

import msgspec

from ledger.digest import checksum_address, keccak
from ledger.records import Choice, Kind, Rules

WORD = 32
WHOLE = 10_000
DOMAIN_NAME, DOMAIN_VERSION = "fedledger", "1"
BALLOT_TYPES = {
    "Ballot": [
        {"name": "proposal", "type": "bytes32"},
        {"name": "member", "type": "address"},
        {"name": "choice", "type": "string"},
        {"name": "deadline", "type": "uint64"},
    ]
}


@dataclass(frozen=True, slots=True)
class AdmitMember:
    key: str
    roles: int


@dataclass(frozen=True, slots=True)
class RemoveMember:
    index: int


@dataclass(frozen=True, slots=True)
class ChangeRoles:
    index: int
    roles: int


@dataclass(frozen=True, slots=True)
class ChangeRules:
    rules: Rules


@dataclass(frozen=True, slots=True)
class CloseJob:
    job: int


@dataclass(frozen=True, slots=True)
class ReleaseModel:
    """`scores` and `report` are zero where there are none."""

    name: str
    version: str
    job: int
    round: int
    root: bytes
    scores: bytes
    report: bytes


@dataclass(frozen=True, slots=True)
class RevokeRelease:
    release: bytes
    reason: bytes


@dataclass(frozen=True, slots=True)
class RollBack:
    release: bytes


@dataclass(frozen=True, slots=True)
class NameSuccessor:
    chain: int
    ledger: str


Action = (
    AdmitMember
    | RemoveMember
    | ChangeRoles
    | ChangeRules
    | CloseJob
    | ReleaseModel
    | RevokeRelease
    | RollBack
    | NameSuccessor
)


def parse_action(kind: Kind, action: bytes) -> Action:
    """What a proposal wants done. Raises ValueError where the bytes are not the contract's encoding of it."""
    if kind not in _SHAPES:
        raise ValueError(f"no kind of proposal: {kind}")
    make, codecs = _SHAPES[kind]
    if len(action) != WORD * len(codecs):
        raise ValueError(f"{len(action)} bytes, {len(codecs)} words expected")
    words = [action[at : at + WORD] for at in range(0, len(action), WORD)]
    parsed = make(*(codec.decode(word) for codec, word in zip(codecs, words, strict=True)))
    if encode_action(parsed) != (kind, action):
        raise ValueError(f"no encoding of {kind.name}: {action.hex()}")
    return parsed


def encode_action(action: Action) -> tuple[Kind, bytes]:
    """The kind and the bytes that the contract makes of it: the arguments of the proposing call, ABI-encoded.

    Raises ValueError or OverflowError for what the contract would refuse to read.
    """
    kind = _KINDS[type(action)]
    if isinstance(action, ChangeRules):
        values = msgspec.structs.astuple(action.rules)
    else:
        values = tuple(getattr(action, part.name) for part in fields(action))
    codecs = _SHAPES[kind][1]
    return kind, b"".join(codec.encode(value) for codec, value in zip(codecs, values, strict=True))


def proposal_id(number: int, kind: Kind, action: bytes) -> bytes:
    """The name of a proposal: keccak256(abi.encode(number, kind, action))."""
    padded = action.ljust(-(-len(action) // WORD) * WORD, b"\x00")
    return keccak(_number(number) + _number(kind) + _number(3 * WORD) + _number(len(action)) + padded)


def release_id(name: str, version: str) -> bytes:
    """The name of a release's record: keccak256(abi.encode(name, version))."""
    return keccak(name_word(name) + name_word(version))


def name_word(name: str) -> bytes:
    """A release's name or version as one word. Raises ValueError for what the contract would refuse."""
    plain = name.replace(".", "a").replace("-", "a")
    letters = plain.isascii() and plain.isalnum() and plain == plain.lower() and name[0] not in ".-"
    if not letters or len(name) > WORD:
        raise ValueError(f"not 1 to 32 of a-z, 0-9, '.' and '-', first a letter or digit: {name!r}")
    return name.encode().ljust(WORD, b"\x00")


def name_text(word: bytes) -> str:
    """The text in a word. Raises ValueError where there is no name in it."""
    name = word.rstrip(b"\x00").decode("ascii")
    if not name:
        raise ValueError("an empty name")
    name_word(name)
    return name


def ballot_to_sign(
    chain: int, contract: str, proposal: bytes, member: str, choice: Choice, deadline: int
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Domain, types and message of EIP-712 for a member's vote; `contract` is Ballots' address."""
    domain = {"name": DOMAIN_NAME, "version": DOMAIN_VERSION, "chainId": chain, "verifyingContract": contract}
    message = {"proposal": proposal, "member": member, "choice": choice.name.title(), "deadline": deadline}
    return domain, BALLOT_TYPES, message


class ProposalState(Enum):
    """Where a proposal is, as the contract says it; the index is the contract's number."""

    NONE = "None"
    VOTING = "Voting"
    REJECTED = "Rejected"
    WAITING = "Waiting"
    EXECUTABLE = "Executable"
    EXECUTED = "Executed"
    CANCELLED = "Cancelled"
    EXPIRED = "Expired"


@dataclass(slots=True)
class Proposal:
    """A proposal and the votes on it, by member index; `rules` and `members` are those of its making.

    `ended` says how it ended, where a transaction ended it; time ends the others (`state`).
    """

    id: bytes
    number: int
    proposer: str
    kind: Kind
    encoded: bytes
    action: Action
    epoch: int
    members: int
    rules: Rules
    deadline: int
    tx: bytes
    votes: dict[int, Choice] = field(default_factory=dict)
    ended: ProposalState | None = None

    @property
    def quorum(self) -> int:
        """How many members must vote."""
        return self.members * self.rules.quorum // WHOLE + 1

    def count(self, choice: Choice) -> int:
        """How many members said that."""
        return sum(said is choice for said in self.votes.values())

    @property
    def passes(self) -> bool:
        """Whether it would pass if the vote ended now."""
        return self._would_pass(self.count(Choice.AGAINST))

    @property
    def certain(self) -> bool:
        """Whether it passes even if all who have not voted are against it."""
        return self._would_pass(self.members - self.count(Choice.FOR) - self.count(Choice.ABSTAIN))

    def _would_pass(self, against: int) -> bool:
        in_favour = self.count(Choice.FOR)
        enough = in_favour * WHOLE > (in_favour + against) * self.rules.majority
        return len(self.votes) >= self.quorum and enough

    @property
    def executable_from(self) -> int:
        return self.deadline + self.rules.delay_seconds + 1

    @property
    def executable_until(self) -> int:
        return self.deadline + self.rules.delay_seconds + self.rules.execute_seconds

    def state(self, now: int) -> ProposalState:
        """Where it is at `now`, in seconds since 1970 by the chain's clock."""
        if self.ended is not None:
            return self.ended
        if now <= self.deadline:
            return ProposalState.VOTING
        if not self.passes:
            return ProposalState.REJECTED
        if now < self.executable_from:
            return ProposalState.WAITING
        return ProposalState.EXECUTABLE if now <= self.executable_until else ProposalState.EXPIRED


@dataclass(slots=True)
class Release:
    """A released model. Its record never changes; `revoked` says whether it must be used no more."""

    id: bytes
    name: str
    version: str
    job: int
    round: int
    root: bytes
    scores: bytes
    report: bytes
    tx: bytes
    revoked: bool = False
    reason: bytes = bytes(WORD)


def _number(value: int) -> bytes:
    return value.to_bytes(WORD, "big")


def _key(address: str) -> bytes:
    return bytes.fromhex(address[2:]).rjust(WORD, b"\x00")


def _address(word: bytes) -> str:
    return checksum_address(word[12:])


class _Codec(NamedTuple):
    """One word of an action, both ways."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


_NUMBER = _Codec(_number, int.from_bytes)
_ADDRESS = _Codec(_key, _address)
_DIGEST = _Codec(bytes, bytes)
_NAME = _Codec(name_word, name_text)

_SHAPES: dict[Kind, tuple[Callable[..., Action], tuple[_Codec, ...]]] = {
    Kind.ADMIT_MEMBER: (AdmitMember, (_ADDRESS, _NUMBER)),
    Kind.REMOVE_MEMBER: (RemoveMember, (_NUMBER,)),
    Kind.CHANGE_ROLES: (ChangeRoles, (_NUMBER, _NUMBER)),
    Kind.CHANGE_RULES: (lambda *parts: ChangeRules(Rules(*parts)), (_NUMBER,) * 6),
    Kind.CLOSE_JOB: (CloseJob, (_NUMBER,)),
    Kind.RELEASE: (ReleaseModel, (_NAME, _NAME, _NUMBER, _NUMBER, _DIGEST, _DIGEST, _DIGEST)),
    Kind.REVOKE: (RevokeRelease, (_DIGEST, _DIGEST)),
    Kind.ROLL_BACK: (RollBack, (_DIGEST,)),
    Kind.NAME_SUCCESSOR: (NameSuccessor, (_NUMBER, _ADDRESS)),
}
_KINDS: dict[type[Action], Kind] = {
    AdmitMember: Kind.ADMIT_MEMBER,
    RemoveMember: Kind.REMOVE_MEMBER,
    ChangeRoles: Kind.CHANGE_ROLES,
    ChangeRules: Kind.CHANGE_RULES,
    CloseJob: Kind.CLOSE_JOB,
    ReleaseModel: Kind.RELEASE,
    RevokeRelease: Kind.REVOKE,
    RollBack: Kind.ROLL_BACK,
    NameSuccessor: Kind.NAME_SUCCESSOR,
}
