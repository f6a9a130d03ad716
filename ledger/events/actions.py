"""Actions: what members may propose (docs/spec/ballot.md).

A struct declares all there is to say of an action: its fields and their bounds as JSON has them, its name in JSON
(`tag`), the contract's call that proposes it (`call`) and, by its place in `Action`, the contract's number of its kind.
Digests are hexadecimal and addresses EIP-55, as in JSON; each field's type knows its word in the contract's encoding.
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from typing import Annotated, Any, ClassVar, NamedTuple, get_args

import msgspec
from msgspec import Meta

from ledger.errors import Malformed
from ledger.events.ballots import Rules
from ledger.formats.digest import ADDRESS_PATTERN, NOTHING, checksum_address, parse_address
from ledger.formats.member_name import NameWords, name_in, name_words

WORD = 32


class Word(NamedTuple):
    """How a field stands in the contract's encoding: `size` words of 32 bytes, both ways.

    Either raises ValueError or OverflowError for a value that has no such form.
    """

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    size: int = 1


def number_word(value: int) -> bytes:
    """A number as one word. Raises OverflowError for one that is negative or does not fit."""
    return value.to_bytes(WORD, "big")


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


def _member_name_words(name: str) -> bytes:
    """A member's name as two words; bytes that are not one stand as 0x and 128 digits, which is longer than a name."""
    return bytes.fromhex(name[2:]) if _NO_NAME.fullmatch(name) else b"".join(name_words(name))


def member_name(words: NameWords) -> str:
    """A member's name as an action has it."""
    return name_in(words) or f"0x{b''.join(words).hex()}"


def address_word(address: str) -> bytes:
    """An address as one word. Raises Malformed for what is not one."""
    return bytes.fromhex(parse_address(address, "action")[2:]).rjust(WORD, b"\x00")


def _address(word: bytes) -> str:
    return checksum_address(word[12:])


def _digest_word(digest: str) -> bytes:
    word = bytes.fromhex(digest)
    if len(word) != WORD or word.hex() != digest:
        raise ValueError(f"not 64 hexadecimal digits: {digest!r}")
    return word


_NUMBER = Word(number_word, int.from_bytes)
Address = Annotated[str, Meta(pattern=ADDRESS_PATTERN, description="EIP-55"), Word(address_word, _address)]
Digest = Annotated[
    str, Meta(pattern="^[0-9a-f]{64}$", description="32 bytes in hexadecimal"), Word(_digest_word, bytes.hex)
]
Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9.-]{0,31}$"), Word(name_word, name_text)]
MemberName = Annotated[
    str,
    Meta(min_length=1, max_length=2 + 4 * WORD, description="1 to 64 bytes of UTF-8; else 0x and 128 digits"),
    Word(_member_name_words, lambda words: member_name(NameWords(words[:WORD], words[WORD:])), 2),
]
Index = Annotated[int, Meta(ge=0, le=254), _NUMBER]
Roles = Annotated[int, Meta(ge=1, le=7, description="participant 1, aggregator 2, scorer 4, added up"), _NUMBER]
Number = Annotated[int, Meta(ge=1, le=(1 << 32) - 1), _NUMBER]
ChainId = Annotated[int, Meta(ge=1, le=(1 << 53) - 1), _NUMBER]
NO_DIGEST = NOTHING.hex()
_NO_NAME = re.compile(r"0x[0-9a-f]{128}")


class _Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """An action; all of them are in `Action`. `call` is the function of Ballots that proposes it."""

    call: ClassVar[str]


class AdmitMember(_Action, frozen=True, tag="admit_member"):
    """The owner of `key`, which was never used in the consortium, joins under a name."""

    call = "proposeAdmission"
    key: Address
    roles: Roles
    name: MemberName


class RemoveMember(_Action, frozen=True, tag="remove_member"):
    """A member leaves."""

    call = "proposeRemoval"
    index: Index


class ChangeRoles(_Action, frozen=True, tag="change_roles"):
    """A member has other roles from now on: `roles` are all of them."""

    call = "proposeRoles"
    index: Index
    roles: Roles


class ChangeRules(_Action, frozen=True, tag="change_rules"):
    """The votes that follow have other rules."""

    call = "proposeRules"
    rules: Rules


class CloseJob(_Action, frozen=True, tag="close_job"):
    """No more rounds of a job are opened."""

    call = "proposeClosing"
    job: Number


class ReleaseModel(_Action, frozen=True, tag="release"):
    """The model of a round is released. `scores` and `report` are zero where there are none."""

    call = "proposeRelease"
    name: Name
    version: Name
    job: Number
    round: Number
    root: Digest
    scores: Digest = NO_DIGEST
    report: Digest = NO_DIGEST


class RevokeRelease(_Action, frozen=True, tag="revoke"):
    """A release must not be used any more; `reason` is text of up to 32 bytes, or the SHA-256 of a longer one."""

    call = "proposeRevocation"
    release: Digest
    reason: Digest = NO_DIGEST


class RollBack(_Action, frozen=True, tag="roll_back"):
    """An earlier release is its name's current one again."""

    call = "proposeRollback"
    release: Digest


class NameSuccessor(_Action, frozen=True, tag="name_successor"):
    """The members go on with another ledger, on the chain with the id `chain`."""

    call = "proposeSuccessor"
    chain: ChainId
    ledger: Address


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
"""All actions, in the order of the contract's `Kind`: that of the first is 1."""
ACTIONS: tuple[type[Action], ...] = get_args(Action)
KINDS = range(1, len(ACTIONS) + 1)


def kind_of(action: type[Action]) -> int:
    """The contract's number of an action's kind, from 1."""
    return ACTIONS.index(action) + 1


def kind_word(kind: int) -> str:
    """What a kind of action is called in JSON: admit_member."""
    return str(ACTIONS[kind - 1].__struct_config__.tag)


def kind_name(kind: int) -> str:
    """What the contract calls it: AdmitMember."""
    return kind_word(kind).title().replace("_", "")


def encode_action(action: Action) -> tuple[int, bytes]:
    """The kind, and the bytes that the contract makes of the action: the arguments of the proposing call, ABI-encoded.

    Raises Malformed for an action that the contract could not read.
    """
    try:
        return kind_of(type(action)), _encode(action)
    except (ValueError, OverflowError) as error:
        raise Malformed(f"the contract cannot read this action: {error}") from error


def parse_action(kind: int, encoded: bytes) -> Action:
    """The action in a proposal. Raises Malformed where the bytes are not the contract's encoding of one."""
    if kind not in KINDS:
        raise Malformed("there is no such kind of action", kind=kind)
    what, size = f"not the encoding of {kind_name(kind)}", WORD * _size(ACTIONS[kind - 1])
    if len(encoded) != size:
        raise Malformed(f"{what}: {len(encoded)} bytes", expected=size, actual=len(encoded))
    try:
        action: Action = _decode(ACTIONS[kind - 1], iter([encoded[at : at + WORD] for at in range(0, size, WORD)]))
    except ValueError as error:
        raise Malformed(f"{what}: {error}", actual=encoded.hex()) from error
    if encode_action(action) != (kind, encoded):
        raise Malformed(what, actual=encoded.hex())
    return action


@cache
def _layout(kind: type[msgspec.Struct]) -> tuple[tuple[str, Word | type[msgspec.Struct]], ...]:
    """A struct's fields by name, each with its word in the encoding, or with the struct whose words stand there."""
    return tuple((field.name, _part(field.type)) for field in msgspec.structs.fields(kind))


def _part(kind: Any) -> Word | type[msgspec.Struct]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    return next((part for part in getattr(kind, "__metadata__", ()) if isinstance(part, Word)), _NUMBER)


@cache
def _size(kind: type[msgspec.Struct]) -> int:
    """How many words a struct takes."""
    return sum(part.size if isinstance(part, Word) else _size(part) for _, part in _layout(kind))


def _encode(value: msgspec.Struct) -> bytes:
    """The words of a struct's fields, one after the other."""
    words = []
    for name, part in _layout(type(value)):
        field = getattr(value, name)
        words.append(part.encode(field) if isinstance(part, Word) else _encode(field))
    return b"".join(words)


def _decode(kind: type[msgspec.Struct], words: Iterator[bytes]) -> Any:
    """The same, back."""
    parts = [part for _, part in _layout(kind)]
    return kind(
        *[
            part.decode(b"".join(islice(words, part.size))) if isinstance(part, Word) else _decode(part, words)
            for part in parts
        ]
    )
