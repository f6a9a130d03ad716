"""Who speaks for a member on the board of masks: the contract's rule, and what it remembers of it."""

from dataclasses import dataclass, field

from ledger.events.members import Role
from ledger.history.members import NO_ROLE, Members


@dataclass(slots=True)
class Speakers:
    """Keys that act on the board. One that acted in an epoch's electorate is not looked up again in it: retired or
    removed meanwhile, it may go on.
    """

    members: Members
    found: dict[str, tuple[int, int]] = field(default_factory=dict)
    """For each key, the member that it spoke for, and the epoch, of which it acted last."""

    def member(self, key: str, epoch: int) -> int:
        """The index of the member that a key speaks for in an epoch's electorate. Raises Impossible."""
        index, known = self.found.get(key, (0, 0))
        return index if known == epoch else self.members.holder(key, NO_ROLE, epoch).index

    def remember(self, key: str, index: int, epoch: int) -> None:
        """The key acted for that member in the electorate of that epoch."""
        self.found[key] = index, epoch

    def aggregator(self, key: str, epoch: int) -> int:
        """The index of the aggregator that a key speaks for now, and did in an epoch. Raises Impossible."""
        return self.members.holder(key, Role.AGGREGATOR, epoch).index
