"""The consortium file: the founding members and the rules. Read once, when the contracts are deployed."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from ledger.config import RoleWord, check_name, load
from ledger.errors import UsageError
from ledger.events.records import Role, Rules
from ledger.formats.alike import difference, misleading, numbered, twins
from ledger.formats.digest import checksum_address
from ledger.formats.member_name import check_member_name, plain_name
from ledger.formats.strict import Strict

MINIMUM_MEMBERS = 3
MAXIMUM_MEMBERS = 255
LEAST_MAJORITY, LARGEST_MAJORITY = 5_000, 6_666
MAXIMUM_SECONDS = 365 * 86_400
DEFAULT_RULES = Rules(
    majority=5_000,
    vote_seconds=7 * 86_400,
    delay_seconds=86_400,
    execute_seconds=7 * 86_400,
)
"""A week to vote, a day before anything happens."""


class Founder(msgspec.Struct, frozen=True):
    """A founding member: its name on screens, its key's address, and its roles."""

    name: str
    key: str
    roles: Role


class MemberEntry(Strict, frozen=True):
    """A member as the file names it."""

    name: str
    key: str
    roles: tuple[RoleWord, ...]


class ConsortiumFile(Strict, frozen=True):
    """The consortium file. Members are numbered in its order, from 0."""

    fedledger: Literal["consortium/1"]
    name: str
    members: tuple[MemberEntry, ...]
    rules: Rules = DEFAULT_RULES

    def founders(self) -> list[Founder]:
        """The founding members."""
        return [Founder(member.name, member.key, Role.named(member.roles)) for member in self.members]


def load_consortium(path: Path) -> ConsortiumFile:
    """Read and check a consortium file. Raises UsageError, Malformed or Unavailable."""
    consortium = load(path, ConsortiumFile)
    check_name(consortium.name, path)
    for member in consortium.members:
        check_member_name(member.name, f"a name in {path}")
    check_founders(consortium.founders())
    check_rules(consortium.rules)
    return consortium


def check_founders(founders: Sequence[Founder]) -> list[str]:
    """The founders' keys in EIP-55 form. Raises UsageError for what the contract would refuse, and for equal names."""
    if not MINIMUM_MEMBERS <= len(founders) <= MAXIMUM_MEMBERS:
        expected = f"{MINIMUM_MEMBERS} to {MAXIMUM_MEMBERS}"
        raise UsageError(
            "a consortium cannot have so many or so few members",
            advice="name that many under [[members]]; on one machine a member is a home, made by fedledger node init",
            expected=expected,
            actual=len(founders),
        )
    keys = [_address(founder) for founder in founders]
    _distinct("key", keys)
    _distinct("name", [founder.name for founder in founders])
    same = twins(founder.name for founder in founders)
    if same:
        raise UsageError(
            f"two members have names that look the same: {same[0]!r} and {same[1]!r}",
            advice=f"they differ in {difference(*same)}: give one another name",
        )
    for index, founder in enumerate(founders):
        check_member_name(founder.name, "a member's name")
        why = misleading(founder.name)
        if why:
            raise UsageError(f"a member's name {why}", advice="choose a name that reads as one", name=founder.name)
        if numbered(founder.name) and founder.name != plain_name(index):
            raise UsageError("a name says another member's number", expected=plain_name(index), actual=founder.name)
        if not founder.roles:
            raise UsageError("a member has no role", member=founder.name)
    return keys


def check_rules(rules: Rules) -> None:
    """Raises UsageError for rules that the contract would refuse."""
    if not LEAST_MAJORITY <= rules.majority <= LARGEST_MAJORITY:
        expected = f"{LEAST_MAJORITY} to {LARGEST_MAJORITY}"
        raise UsageError("the majority is out of bounds (in 1/10,000)", expected=expected, actual=rules.majority)
    for name in ("vote_seconds", "delay_seconds", "execute_seconds"):
        seconds, least = getattr(rules, name), int(name != "delay_seconds")
        if not least <= seconds <= MAXIMUM_SECONDS:
            raise UsageError(f"{name} is out of bounds", expected=f"{least} to {MAXIMUM_SECONDS}", actual=seconds)


def _address(founder: Founder) -> str:
    text = founder.key
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        raise UsageError("a key is not an address: 0x and 40 digits", member=founder.name, actual=text)
    checked = checksum_address(bytes.fromhex(text[2:]))
    if text not in {checked, text.lower()}:
        raise UsageError("a key's address is mistyped", member=founder.name, expected=checked, actual=text)
    return checked


def _distinct(what: str, values: Sequence[str]) -> None:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise UsageError(f"two members have the same {what}", actual=", ".join(twice))
