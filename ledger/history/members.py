"""The members: the fold of their admissions, keys, roles and gateways. `ledger.history.fold` hands it those events."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ledger.events import records as r
from ledger.history.state import Impossible, Member

NO_ROLE = r.Role(0)
MINIMUM_MEMBERS = 3


@dataclass(slots=True)
class Members:
    """Members by index, and the index of each key that one holds or ever held."""

    by_index: dict[int, Member] = field(default_factory=dict)
    owners: dict[str, int] = field(default_factory=dict)
    epoch: int = 0

    def owner(self, key: str) -> Member | None:
        """The member that holds or ever held `key`."""
        index = self.owners.get(key)
        return None if index is None else self.by_index[index]

    def require(self, key: str) -> Member:
        """The same, of a key that some member had."""
        member = self.owner(key)
        if member is None:
            raise Impossible(f"{key} is not a member")
        return member

    def holder(self, key: str, role: r.Role, epoch: int) -> Member:
        """The member whose key speaks now, did so in `epoch`, and who has the role."""
        member = self.require(key)
        if member.key != key or member.since > epoch or role not in member.roles:
            raise Impossible(f"{key} had not the right to do this")
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

    def admit(self, event: r.MemberAdmitted) -> None:
        later = event.epoch == self.epoch + 1 or (event.epoch, self.epoch) == (1, 1)
        if event.index != len(self.by_index) or event.key in self.owners or not 0 < event.roles < 8 or not later:
            raise Impossible(f"member {event.index} cannot be admitted")
        self.by_index[event.index] = Member(event.index, event.key, r.Role(event.roles), event.epoch, keys=[event.key])
        self.owners[event.key] = event.index
        self.epoch = event.epoch

    def remove(self, event: r.MemberRemoved) -> None:
        member = self.by_index.get(event.index)
        if member is None or member.key != event.key or event.epoch != self.epoch + 1 or self.count <= MINIMUM_MEMBERS:
            raise Impossible(f"member {event.index} cannot be removed")
        member.key, member.roles = "", NO_ROLE
        self.epoch = event.epoch

    def change_roles(self, event: r.RolesChanged) -> None:
        member = self.by_index.get(event.index)
        if member is None or not member.active or event.epoch != self.epoch + 1 or not 0 < event.roles < 8:
            raise Impossible(f"member {event.index} cannot have these roles")
        member.roles = r.Role(event.roles)
        self.epoch = event.epoch

    def rotate(self, event: r.KeyRotated) -> None:
        member = self.by_index.get(event.index)
        known = member is not None and member.key == event.old_key and event.new_key not in self.owners
        if member is None or not known or event.epoch != self.epoch + 1:
            raise Impossible(f"member {event.index} cannot change its key")
        member.key, member.since = event.new_key, event.epoch
        member.keys.append(event.new_key)
        self.owners[event.new_key] = event.index
        self.epoch = event.epoch

    def approve_rotation(self, event: r.RotationApproved) -> None:
        if not (self._is_active(event.index) and self._is_active(event.member)):
            raise Impossible("an approval by or for nobody")

    def announce(self, event: r.Announced) -> None:
        if not self._is_active(event.index):
            raise Impossible(f"there is no member {event.index}")
        self.by_index[event.index].gateway = event.gateway

    def _is_active(self, index: int) -> bool:
        member = self.by_index.get(index)
        return member is not None and member.active


HANDLERS: dict[type[r.Event], Callable[[Members, Any], None]] = {
    r.MemberAdmitted: Members.admit,
    r.MemberRemoved: Members.remove,
    r.RolesChanged: Members.change_roles,
    r.KeyRotated: Members.rotate,
    r.RotationApproved: Members.approve_rotation,
    r.Announced: Members.announce,
}
