"""Members: the fold of their admissions, keys, roles and gateways. `ledger.history.fold` hands it those events."""

from dataclasses import dataclass, field
from typing import assert_never

from ledger.events import members as r
from ledger.history.state import Impossible, Member

NO_ROLE = r.Role(0)
MINIMUM_MEMBERS = 3


@dataclass(slots=True)
class Members:
    """Members by index, the index of each key that one holds or ever held, and the ledger they go on with, if named."""

    by_index: dict[int, Member] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    epoch: int = 0
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
        """The member whose key speaks now and did so in `epoch`, and that has the role. Raises Impossible."""
        member = self.require(key)
        if member.key != key or member.since > epoch or role not in member.roles:
            raise Impossible(f"{key} was not allowed to do this")
        return member

    def standing(self, keys: set[str]) -> int:
        """How many members stand behind these keys: only a current key counts."""
        return sum(member.key in keys for member in self.by_index.values())

    @property
    def count(self) -> int:
        """How many members are active."""
        return sum(member.active for member in self.by_index.values())

    def having(self, role: r.Role) -> int:
        """How many members have the role."""
        return sum(member.has(role) for member in self.by_index.values())

    def apply(self, event: r.AnyMemberEvent) -> None:
        """Take one more event. Raises Impossible where it cannot follow, and then changes nothing."""
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
        self.by_index[event.index] = Member(event.index, event.key, r.Role(event.roles), event.epoch, keys=[event.key])
        self.owners[event.key] = event.index
        self.epoch = event.epoch

    def _remove(self, event: r.MemberRemoved) -> None:
        member = self.by_index.get(event.index)
        if member is None or member.key != event.key or event.epoch != self.epoch + 1 or self.count <= MINIMUM_MEMBERS:
            raise Impossible(f"member {event.index} cannot be removed")
        member.key, member.roles = "", NO_ROLE
        self.epoch = event.epoch

    def _change_roles(self, event: r.RolesChanged) -> None:
        member = self.by_index.get(event.index)
        if member is None or not member.active or event.epoch != self.epoch + 1 or not 0 < event.roles < 8:
            raise Impossible(f"member {event.index} cannot have these roles")
        member.roles = r.Role(event.roles)
        self.epoch = event.epoch

    def _rotate(self, event: r.KeyRotated) -> None:
        member = self.by_index.get(event.index)
        known = member is not None and member.key == event.old_key and event.new_key not in self.owners
        if member is None or not known or event.epoch != self.epoch + 1:
            raise Impossible(f"member {event.index} cannot change its key")
        member.key, member.since = event.new_key, event.epoch
        member.keys.append(event.new_key)
        self.owners[event.new_key] = event.index
        self.epoch = event.epoch

    def _approve_rotation(self, event: r.RotationApproved) -> None:
        if not (self._is_active(event.index) and self._is_active(event.member)):
            raise Impossible("an approval by or for a member that is not there")

    def _announce(self, event: r.Announced) -> None:
        if not self._is_active(event.index):
            raise Impossible(f"there is no member {event.index}")
        self.by_index[event.index].gateway = event.gateway

    def _is_active(self, index: int) -> bool:
        member = self.by_index.get(index)
        return member is not None and member.active
