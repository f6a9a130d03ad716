"""What settled scorings add up to: each party's cumulated score, and the factor its next updates weigh by.

Below `ledger.rounds`, which weighs by it (docs/spec/scores.md, "Past scores").
"""

from ledger.job import MAX_FACTOR
from ledger.state import JobState, Round

NEUTRAL = MAX_FACTOR // 2


def cumulated(state: JobState, before: int | None = None) -> dict[int, int]:
    """Each scored member's sum of scores over the settled rounds (below `before`, where given), by member index."""
    raise NotImplementedError


def factors(state: JobState, round_: Round) -> dict[int, int]:
    """The factor 1 to 1024 that each update of the round is weighed by under `past_scores`, by member index: its
    weight in the mean is samples · factor."""
    raise NotImplementedError
