"""Members: the fold of their admissions, keys, roles and gateways. `ledger.history.fold` hands it those events."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import assert_never

from ledger.errors import UsageError
from ledger.events import members as r
from ledger.formats.member_name import is_plain, name_in, plain_name
from ledger.history.impossible import Impossible
from ledger.history.state import Member

NO_ROLE = r.Role(0)
MINIMUM_MEMBERS = 3


def active_member(index: int, members: Mapping[int, Member]) -> Member:
    """The member that somebody named by its number. Raises UsageError where there is none, or it has left."""
    found = members.get(index)
    if found is None or not found.active:
        raise UsageError(f"there is no member {index}", advice="fedledger status lists the members")
    return found


def require_removable(index: int, members: Mapping[int, Member]) -> None:
    """Refuse to propose that a member leave where the contract would refuse it after the vote. Raises UsageError."""
    active_member(index, members)
    count = sum(one.active for one in members.values())
    if count <= MINIMUM_MEMBERS:
        advice = "admit another first: fedledger invite NAME; data alone are withdrawn by fedledger job withdraw"
        raise UsageError(f"{MINIMUM_MEMBERS} members remain, always", advice=advice, members=count)


@dataclass(slots=True)
class Members:
    """Members by index, the index of each key that one holds or ever held, and the ledger they go on with, if named.

    `recoveries` counts the keys that others replaced; `approvals` are the members that approved a recovery, by the
    index of the member whose key it replaces, how often it was replaced before, and the new key. `due` is a recovery,
    index and new key, that a majority has approved and whose rotation is the next event.
    """

    by_index: dict[int, Member] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    epoch: int = 0
    recoveries: int = 0
    approvals: dict[tuple[int, int, str], frozenset[int]] = field(default_factory=dict)
    due: tuple[int, str] | None = None
    successor: r.SuccessorNamed | None = None

    def owner(self, key: str) -> Member | None:
        """The member that holds or ever held `key`."""
        index = self.owners.get(key)
        return None if index is None else self.by_index[index]

    def require(self, key: str) -> Member:
        """The member that holds or ever held `key`. Raises Impossible where there is none."""
        member = self.owner(key)
        if member is None:
            raise Impossible(f"{key} is not a member")
        return member

    def holder(self, key: str, role: r.Role, epoch: int) -> Member:
        """The member whose key speaks now and did so in `epoch`, and that had the role then. Raises Impossible."""
        member = self.require(key)
        acts = member.acts(role, epoch) if role else member.since <= epoch
        if member.key != key or not acts:
            raise Impossible(f"{key} was not allowed to do this")
        return member

    def standing(self, indices: Iterable[int]) -> int:
        """How many of these members are active."""
        return sum(map(self._is_active, indices))

    @property
    def keys(self) -> dict[int, str]:
        """The keys of the active members, by index."""
        return {member.index: member.key for member in self.by_index.values() if member.active}

    @property
    def count(self) -> int:
        """How many members are active."""
        return sum(member.active for member in self.by_index.values())

    def having(self, role: r.Role) -> int:
        """How many members have the role."""
        return sum(member.has(role) for member in self.by_index.values())

    def apply(self, event: r.AnyMemberEvent) -> None:
        """Take one more event. Raises Impossible where it cannot follow, and then changes nothing."""
        if self.due is not None and not isinstance(event, r.KeyRotated):
            raise Impossible(f"the members replaced the key of member {self.due[0]}, and something else came of it")
        match event:
            case r.MemberAdmitted():
                self._admit(event)
            case r.MemberRemoved():
                self._remove(event)
            case r.RolesChanged():
                self._change_roles(event)
            case r.KeyRotated():
                self._rotate(event)
            case r.RotationApproved():
                self._approve_rotation(event)
            case r.Announced():
                self._announce(event)
            case r.SuccessorNamed():
                self.successor = event
            case _:
                assert_never(event)

    def _admit(self, event: r.MemberAdmitted) -> None:
        later = event.epoch == self.epoch + 1 or (event.epoch, self.epoch) == (1, 1)
        if event.index != len(self.by_index) or event.key in self.owners or not 0 < event.roles < 8 or not later:
            raise Impossible(f"member {event.index} cannot be admitted")
        roles, epoch = r.Role(event.roles), event.epoch
        name, key = self._name_of(event), event.key
        self.by_index[event.index] = Member(
            event.index, name, key, roles, epoch, [key], roles_since=epoch, joined_in=event.block
        )
        self.owners[event.key] = event.index
        self.epoch = event.epoch

    def _name_of(self, event: r.MemberAdmitted) -> str:
        """The name on the ledger; "member 3" where it breaks the rule, is another's already, or says who is meant."""
        name = name_in(event.name)
        taken = name is None or is_plain(name) or any(member.name == name for member in self.by_index.values())
        return plain_name(event.index) if name is None or taken else name

    def _remove(self, event: r.MemberRemoved) -> None:
        member = self.by_index.get(event.index)
        if member is None or member.key != event.key or event.epoch != self.epoch + 1 or self.count <= MINIMUM_MEMBERS:
            raise Impossible(f"member {event.index} cannot be removed")
        member.key, member.roles, member.left_in = "", NO_ROLE, event.block
        self.epoch = event.epoch

    def _change_roles(self, event: r.RolesChanged) -> None:
        member = self.by_index.get(event.index)
        if member is None or not member.active or event.epoch != self.epoch + 1 or not 0 < event.roles < 8:
            raise Impossible(f"member {event.index} cannot have these roles")
        member.roles, member.roles_since = r.Role(event.roles), event.epoch
        self.epoch = event.epoch

    def _rotate(self, event: r.KeyRotated) -> None:
        member = self.by_index.get(event.index)
        known = member is not None and member.key == event.old_key and event.new_key not in self.owners
        recovery = self.due is not None
        if member is None or not known or event.epoch != self.epoch + 1:
            raise Impossible(f"member {event.index} cannot change its key")
        if recovery and self.due != (event.index, event.new_key):
            raise Impossible(f"member {event.index} has another key than the members approved")
        member.key, member.since = event.new_key, event.epoch
        member.keys.append(event.new_key)
        self.owners[event.new_key] = event.index
        member.recoveries += recovery
        self.recoveries += recovery
        self.due = None
        self.epoch = event.epoch

    def _approve_rotation(self, event: r.RotationApproved) -> None:
        """An approval is the member's, not its key's: it counts while the member is active."""
        if not (self._is_active(event.index) and self._is_active(event.member)) or event.new_key in self.owners:
            raise Impossible("an approval by or for a member that is not there, or of a key that was used before")
        rotation = (event.index, self.by_index[event.index].recoveries, event.new_key)
        approved = self.approvals.get(rotation, frozenset())
        standing = self.standing(approved | {event.member})
        if event.member in approved or event.approvals != standing:
            raise Impossible(f"impossible: {event.approvals} approvals of a key for member {event.index}")
        self.approvals[rotation] = approved | {event.member}
        if 2 * standing > self.count:
            self.due = (event.index, event.new_key)

    def recovering(self, index: int, new: str) -> int:
        """How many members' approvals count that member `index` go on with the key `new`."""
        member = self.by_index.get(index)
        known = member is not None and self.approvals.get((index, member.recoveries, new))
        return self.standing(known) if known else 0

    def _announce(self, event: r.Announced) -> None:
        if not self._is_active(event.index):
            raise Impossible(f"there is no member {event.index}")
        self.by_index[event.index].gateway = event.gateway

    def _is_active(self, index: int) -> bool:
        member = self.by_index.get(index)
        return member is not None and member.active
