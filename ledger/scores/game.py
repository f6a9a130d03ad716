"""A cooperative game: what each coalition of a round's updates is worth, each measured once."""

from collections.abc import Callable, Collection

from ledger.errors import FedledgerError
from ledger.scores.utility import checked

Worth = Callable[[frozenset[int]], int]
"""What a coalition of players 0 … n - 1 is worth, in whole parts per million."""


class Unscorable(FedledgerError):
    """The rules allow no scores for this round. The root of what may be wrong with it."""

    exit_code = 1


class TooFewPlayers(Unscorable):
    """A round with one update, or one genuine update, has nobody to compare it with."""


class TooManyPlayers(Unscorable):
    """More updates than a method can take."""


class TooFewEvaluations(Unscorable):
    """The job's budget of evaluations is too small for the updates there are."""


class Exhausted(Exception):
    """The budget is spent. Never leaves `ledger.scores`."""


class Game:
    """`players` updates, and a budget of coalitions to measure. Raises TooFewPlayers for fewer than two.

    Raises BadUtility from `value` where the utility is not a whole number or out of range.
    """

    def __init__(self, players: int, utility: Worth, evaluations: int | None = None) -> None:
        if players < 2:
            raise TooFewPlayers("scores need at least two genuine updates", players=players)
        self.players, self.evaluations = players, evaluations
        self.everyone = frozenset(range(players))
        self._utility = utility
        self._known: dict[frozenset[int], int] = {}

    @property
    def measured(self) -> int:
        """How many coalitions were measured."""
        return len(self._known)

    def value(self, members: Collection[int]) -> int:
        """What a coalition is worth. Raises Exhausted where it is not known and the budget is spent."""
        coalition = frozenset(members)
        if coalition not in self._known:
            if self.evaluations is not None and self.measured >= self.evaluations:
                raise Exhausted
            self._known[coalition] = checked(self._utility(coalition))
        return self._known[coalition]
