"""What a proposal wants done, as JSON: the fields of `actions`' dataclasses under their names, and a kind."""

from dataclasses import fields
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ledger.errors import Malformed
from ledger.events import actions as a
from ledger.events.records import Kind, Rules
from ledger.formats.digest import ADDRESS_PATTERN, parse_address

Address = Annotated[str, Meta(pattern=ADDRESS_PATTERN, description="EIP-55")]
Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="32 bytes in hexadecimal")]
Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9.-]{0,31}$")]
Index = Annotated[int, Meta(ge=0, le=254)]
Roles = Annotated[int, Meta(ge=1, le=7, description="participant 1, aggregator 2, scorer 4, added up")]
Number = Annotated[int, Meta(ge=1, le=(1 << 32) - 1)]
ChainId = Annotated[int, Meta(ge=1, le=(1 << 53) - 1)]
NOTHING = "00" * 32


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """An action."""


class AdmitMember(Wanted, frozen=True, tag="admit_member"):
    key: Address
    roles: Roles


class RemoveMember(Wanted, frozen=True, tag="remove_member"):
    index: Index


class ChangeRoles(Wanted, frozen=True, tag="change_roles"):
    index: Index
    roles: Roles


class ChangeRules(Wanted, frozen=True, tag="change_rules"):
    rules: Rules


class CloseJob(Wanted, frozen=True, tag="close_job"):
    job: Number


class ReleaseModel(Wanted, frozen=True, tag="release"):
    name: Name
    version: Name
    job: Number
    round: Number
    root: Digest
    scores: Digest = NOTHING
    report: Digest = NOTHING


class RevokeRelease(Wanted, frozen=True, tag="revoke"):
    release: Digest
    reason: Digest = NOTHING


class RollBack(Wanted, frozen=True, tag="roll_back"):
    release: Digest


class NameSuccessor(Wanted, frozen=True, tag="name_successor"):
    chain: ChainId
    ledger: Address


AnyAction = (
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
_PAIRS: dict[type[Wanted], type[a.Action]] = {
    AdmitMember: a.AdmitMember,
    RemoveMember: a.RemoveMember,
    ChangeRoles: a.ChangeRoles,
    ChangeRules: a.ChangeRules,
    CloseJob: a.CloseJob,
    ReleaseModel: a.ReleaseModel,
    RevokeRelease: a.RevokeRelease,
    RollBack: a.RollBack,
    NameSuccessor: a.NameSuccessor,
}
_JSON = {made: wanted for wanted, made in _PAIRS.items()}


def action_of(wanted: AnyAction) -> a.Action:
    """The action that the contract knows. Raises Malformed for an address or a number that cannot be."""
    kind = _PAIRS[type(wanted)]
    values = {part.name: _value(part.name, str(part.type), getattr(wanted, part.name)) for part in fields(kind)}
    made = kind(**values)
    try:
        a.encode_action(made)
    except (ValueError, OverflowError) as error:
        raise Malformed(f"action: the contract cannot read that: {error}") from error
    return made


def wanted_of(action: a.Action) -> AnyAction:
    """The JSON of an action."""
    kind: Any = _JSON[type(action)]
    values = {part.name: getattr(action, part.name) for part in fields(action)}
    return kind(**{name: value.hex() if isinstance(value, bytes) else value for name, value in values.items()})  # type: ignore[no-any-return]


def kind_word(kind: Kind) -> str:
    """What a kind of proposal is called in JSON."""
    return kind.name.lower()


def _value(name: str, kind: str, given: Any) -> Any:
    if "bytes" in kind:
        return bytes.fromhex(given)
    if name in {"key", "ledger"}:
        return parse_address(given, f"action.{name}")
    return given
