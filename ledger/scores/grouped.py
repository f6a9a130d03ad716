"""Scores of the groups of a masked round: exact Shapley values with groups as players (docs/spec/scores.md, "Groups").

Single updates are seen by nobody, sums of groups by everyone: so what a coalition of groups is worth, anyone measures.

S. Ma et al., Transparent Contribution Evaluation for Secure Federated Learning on Blockchain, ICDEW 2021.
"""

from collections.abc import Callable, Collection, Iterator, Sequence

import numpy as np

from ledger.rounds.masking.inputs import MaskedInputs
from ledger.rounds.masking.means import mean_of_groups
from ledger.rounds.rules.arithmetic import Ints, Sums
from ledger.scores.coalition import BAND, MAX_HELD, next_model, rule_for
from ledger.scores.game import Game, TooFewPlayers
from ledger.scores.methods import shapley, to_scores


class GroupCoalitions:
    """The models of all coalitions of a masked round's groups. Not for several threads at once."""

    def __init__(self, inputs: MaskedInputs, max_held: int = MAX_HELD) -> None:
        self._inputs, size = inputs, inputs.layout.values
        self._weights = [sum(weights) for weights in inputs.part_weights]
        held = size * (4 + 8 * len(inputs.parts)) <= max_held
        self._base = inputs.values(inputs.base, 0, size) if held else None
        self._sums = inputs.part_sums(0, size) if held else None

    def model(self, members: Collection[int]) -> Ints:
        """The integers of the model of some groups, by their places; nobody's is the base model.

        No model of this kind is ever published, so a value beyond int32 is clamped, where a round would have none.
        """
        chosen, model = sorted(members), np.empty(self._inputs.layout.values, "<i4")
        rule, weights = rule_for(self._inputs.rule, len(chosen)), [self._weights[member] for member in chosen]
        for start, stop in self._bands():
            base = self._base_of(start, stop)
            if chosen:
                change = mean_of_groups(rule, self._sums_of(chosen, start, stop), weights).divided()
                model[start:stop] = next_model(base, change, start)
            else:
                model[start:stop] = base
        return model

    def _base_of(self, start: int, stop: int) -> Ints:
        inputs = self._inputs
        return inputs.values(inputs.base, start, stop) if self._base is None else self._base[start:stop]

    def _sums_of(self, chosen: Sequence[int], start: int, stop: int) -> list[Sums]:
        if self._sums is None:
            sums = self._inputs.part_sums(start, stop)
            return [sums[member] for member in chosen]
        return [self._sums[member][start:stop] for member in chosen]

    def _bands(self) -> Iterator[tuple[int, int]]:
        size = self._inputs.layout.values
        return ((start, min(start + BAND, size)) for start in range(0, size, BAND))


def group_scores(inputs: MaskedInputs, utility: Callable[[Ints], int]) -> tuple[int, ...]:
    """One score for each update, in order: that of its group, in whole parts per million of the utility.

    Raises TooFewPlayers for one group, TooManyPlayers above 12, BadUtility for what is not a utility.
    """
    if len(inputs.parts) < 2:
        raise TooFewPlayers("scores of groups need at least two groups", players=len(inputs.parts))
    coalitions = GroupCoalitions(inputs)
    found = to_scores(shapley(Game(len(inputs.parts), lambda members: utility(coalitions.model(members)))))
    of = {place: found[number] for number, part in enumerate(inputs.parts) for place in part.places}
    return tuple(of[place] for place in range(len(inputs.updates)))
