"""A masked job with groups whose rounds are scored by group, on a committed set."""

from typing import Any

import msgspec
from support.worlds.mask_groups import GROUPED, MEMBERS
from support.worlds.masked import MaskedWorld
from support.worlds.masked_segments import BOUNDS, TERMS
from support.worlds.scorers import NET, QUORUM, ScoredWorld, committed, rows

from ledger.jobs.scores import GroupShapley
from ledger.rounds.facts import RoundFacts
from ledger.rounds.masking.inputs import MaskedInputs
from ledger.rounds.masking.summed import grouped_inputs
from ledger.scores.contributions import score_round

SCORED = msgspec.structs.replace(TERMS, score_seconds=60, reveal_seconds=60, scorers=QUORUM)


class ScoredGroupsWorld(ScoredWorld, MaskedWorld):
    """Seven members in two groups, or as `options` say."""

    def __init__(self, members: int = MEMBERS, **options: Any) -> None:
        content, evidence = committed(rows())
        scoring = GroupShapley(utility="loss", evidence=evidence)
        fields: dict[str, Any] = {"privacy": GROUPED, "limits": BOUNDS} | options
        MaskedWorld.__init__(self, members, tensors=NET, terms=SCORED, scoring=scoring, **fields)
        self.files.put(content)

    def end(self, number: int | None = None) -> Any:  # type: ignore[override]
        """End the round that is under way; with a number, the scoring of that round."""
        return MaskedWorld.end(self) if number is None else ScoredWorld.end(self, number)

    def inputs(self, number: int | None = None) -> MaskedInputs:
        """What the groups of a round have brought."""
        round_ = self.state.rounds[number or self.under_way]
        found = grouped_inputs(RoundFacts.of(self.place, self.state, self.job, round_, self.masks), self.files.fetch)
        assert found is not None
        return found

    def scores(self, number: int | None = None) -> tuple[int, ...]:
        """What recomputes for a scoring that is open."""
        number = number or self.under_way
        round_, seed = self.state.rounds[number], self.state.scorings[number].seed
        return score_round(self.state, self.job, round_, seed, self.files.fetch, groups=self.inputs(number))
