"""A member, with its keys and roles."""

from dataclasses import dataclass

from ledger.events.members import Role


@dataclass(slots=True)
class Member:
    """A member: `key` speaks for it from epoch `since` on; `keys` are all it ever had; `name` is what it is called.

    Its roles are those of epoch `roles_since` on; `recoveries` says how often the others replaced its key. One that was
    removed has no key and no roles. It joined in block `joined_in` and left in `left_in`, 0 while it has not.
    """

    index: int
    name: str
    key: str
    roles: Role
    since: int
    keys: list[str]
    roles_since: int
    recoveries: int = 0
    gateway: str = ""
    joined_in: int = 0
    left_in: int = 0

    @property
    def active(self) -> bool:
        return bool(self.key)

    def has(self, role: Role) -> bool:
        return bool(int(self.roles) & int(role))

    def acts(self, role: Role, epoch: int) -> bool:
        """Whether its present key may act in the role where `epoch` counts: it has both now, and had them then."""
        return self.has(role) and max(self.since, self.roles_since) <= epoch
