"""Actions: what members may propose (docs/spec/ballot.md).

A struct declares all there is to say of an action: its fields and their bounds as JSON has them, its name in JSON
(`tag`), the contract's call that proposes it (`call`) and, by its place in `Action`, the contract's number of its kind.
Digests are hexadecimal and addresses EIP-55, as in JSON; each field's type knows its word in the contract's encoding,
and what a wallet shows of it (`ledger.events.encoding`).
"""

from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Annotated, Any, ClassVar, get_args

import msgspec
from msgspec import Meta

from ledger.errors import Malformed
from ledger.events.ballots import Rules
from ledger.events.encoding import (
    ALL_ROLES,
    WORD,
    Word,
    address_word,
    digest_word,
    member_name,
    member_name_words,
    name_text,
    name_word,
    number_word,
    roles_text,
    shown_member_name,
    shown_reason,
    word_address,
)
from ledger.formats.digest import ADDRESS_PATTERN, NOTHING, read_address
from ledger.formats.member_name import NameWords

_NUMBER = Word(number_word, int.from_bytes)

Address = Annotated[
    str, Meta(pattern=ADDRESS_PATTERN, description="EIP-55"), Word(address_word, word_address, shown="address")
]
_DIGEST = Meta(pattern="^[0-9a-f]{64}$", description="32 bytes in hexadecimal")
Digest = Annotated[str, _DIGEST, Word(digest_word, bytes.hex, shown="bytes32", show="0x{}".format)]
Reason = Annotated[str, _DIGEST, Word(digest_word, bytes.hex, shown="string", show=shown_reason)]
Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9.-]{0,31}$"), Word(name_word, name_text, shown="string")]
MemberName = Annotated[
    str,
    Meta(min_length=1, max_length=2 + 4 * WORD, description="1 to 64 bytes of UTF-8; else 0x and 128 digits"),
    Word(
        member_name_words,
        lambda words: member_name(NameWords(words[:WORD], words[WORD:])),
        2,
        "string",
        shown_member_name,
    ),
]
Index = Annotated[int, Meta(ge=0, le=254), _NUMBER]
Roles = Annotated[
    int,
    Meta(ge=1, le=ALL_ROLES, description="participant 1, aggregator 2, scorer 4, added up"),
    Word(number_word, int.from_bytes, shown="string", show=roles_text),
]
Number = Annotated[int, Meta(ge=1, le=(1 << 32) - 1), _NUMBER]
ChainId = Annotated[int, Meta(ge=1, le=(1 << 53) - 1), _NUMBER]
NO_DIGEST = NOTHING.hex()


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
    name: Name
    version: Name
    reason: Reason = NO_DIGEST


class RollBack(_Action, frozen=True, tag="roll_back"):
    """An earlier release is its name's current one again."""

    call = "proposeRollback"
    name: Name
    version: Name


class NameSuccessor(_Action, frozen=True, tag="name_successor"):
    """The members go on with another ledger, on the chain with the id `chain`."""

    call = "proposeSuccessor"
    chain: ChainId
    ledger: Address


class RewindJob(_Action, frozen=True, tag="rewind_job"):
    """A job goes on from the last model before that of `round`, the convicted one: of no other conviction."""

    call = "proposeRewind"
    job: Number
    round: Number


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
    | RewindJob
)
"""All actions, in the order of the contract's `Kind`: that of the first is 1."""
ACTIONS: tuple[type[Action], ...] = get_args(Action)
KINDS = range(1, len(ACTIONS) + 1)


def with_checksums(action: Action) -> Action:
    """The action with its address in EIP-55 form, where that was given in lower case. Raises Malformed for others."""
    match action:
        case AdmitMember(key=key):
            return msgspec.structs.replace(action, key=read_address(key, "the key"))
        case NameSuccessor(ledger=ledger):
            return msgspec.structs.replace(action, ledger=read_address(ledger, "the ledger"))
        case _:
            return action


def kind_of(action: type[Action]) -> int:
    """The contract's number of an action's kind, from 1."""
    return ACTIONS.index(action) + 1


def kind_word(kind: int) -> str:
    """What a kind of action is called in JSON: admit_member."""
    return str(ACTIONS[kind - 1].__struct_config__.tag)


def layout(kind: type[msgspec.Struct]) -> Iterator[tuple[str, Word]]:
    """The fields of an action by name, those of a struct in it too, each as it stands in the contract's encoding."""
    for name, part in _layout(kind):
        if isinstance(part, Word):
            yield name, part
        else:
            yield from layout(part)


def values(action: msgspec.Struct) -> Iterator[Any]:
    """What an action has in those fields."""
    for name, part in _layout(type(action)):
        value = getattr(action, name)
        if isinstance(part, Word):
            yield value
        else:
            yield from values(value)


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
