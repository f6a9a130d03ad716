"""The events of the contract Consortium: members, their keys, roles and gateways.

`index` is a member's number, from 0 in the order of admission. `roles` are the bits of `Role`. `epoch` is the number
of the membership's state once the event took effect; the founding is epoch 1. Keys are EIP-55 addresses.
"""

from collections.abc import Iterable
from enum import IntFlag
from typing import get_args

from ledger.config import RoleWord
from ledger.events.event import Event
from ledger.formats.member_name import NameWords


class Role(IntFlag):
    """What a member does, besides attesting and voting."""

    PARTICIPANT = 1
    AGGREGATOR = 2
    SCORER = 4

    @classmethod
    def named(cls, words: Iterable[str]) -> "Role":
        """The roles with these names, in lower case. Raises KeyError for a word that is not one."""
        roles = cls(0)
        for word in words:
            roles |= cls[word.upper()]
        return roles

    @property
    def words(self) -> tuple[RoleWord, ...]:
        """The names of these roles, in lower case."""
        return tuple(word for word in get_args(RoleWord) if Role[word.upper()] in self)


class MemberEvent(Event, frozen=True):
    """An event of Consortium; all of them are in `AnyMemberEvent`."""


class MemberAdmitted(MemberEvent, frozen=True, tag=True):
    """A member joined with `key`, `roles` and `name`: at the founding, or by a vote."""

    index: int
    key: str
    roles: int
    epoch: int
    name: NameWords


class MemberRemoved(MemberEvent, frozen=True, tag=True):
    """The members decided that a member leave; `key`, its last, speaks for nobody from `epoch` on."""

    index: int
    key: str
    epoch: int


class RolesChanged(MemberEvent, frozen=True, tag=True):
    """The members gave a member other roles: `roles` are all that it has from now on."""

    index: int
    roles: int
    epoch: int


class SuccessorNamed(MemberEvent, frozen=True, tag=True):
    """The members decided to go on with the RoundLedger at `ledger`, on the chain with id `chain`."""

    chain: int
    ledger: str


class KeyRotated(MemberEvent, frozen=True, tag=True):
    """A member's key was replaced, by itself or by a majority of the members."""

    index: int
    old_key: str
    new_key: str
    epoch: int


class RotationApproved(MemberEvent, frozen=True, tag=True):
    """Member `member` agreed that `index` continue with `new_key`; `approvals` members have by now."""

    index: int
    new_key: str
    member: int
    approvals: int


class Announced(MemberEvent, frozen=True, tag=True):
    """A member said where its content store can be read: the URL of a trustless gateway, at most 256 bytes."""

    index: int
    gateway: str


AnyMemberEvent = (
    MemberAdmitted | MemberRemoved | RolesChanged | SuccessorNamed | KeyRotated | RotationApproved | Announced
)
