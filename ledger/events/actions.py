"""Actions: what members may propose, and its one encoding as the contract's calls take it (docs/spec/ballot.md)."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import msgspec

from ledger.events.records import Kind, Rules
from ledger.formats.digest import checksum_address

WORD = 32


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


def number_word(value: int) -> bytes:
    """A number as one word. Raises OverflowError for one that is negative or does not fit."""
    return value.to_bytes(WORD, "big")


def _key(address: str) -> bytes:
    return bytes.fromhex(address[2:]).rjust(WORD, b"\x00")


def _address(word: bytes) -> str:
    return checksum_address(word[12:])


class _Codec(NamedTuple):
    """One word of an action, both ways."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


_NUMBER = _Codec(number_word, int.from_bytes)
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
