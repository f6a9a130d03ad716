"""Contribution scores of a round: the one computation that scorers and auditors share (docs/spec/scores.md)."""

from collections.abc import Callable

from ledger.aggregation import Fetch, Ints
from ledger.job import Job
from ledger.rounds import Place
from ledger.state import JobState, Round

Utility = Callable[[Ints], int]
"""What a model is worth, from its integers: a whole number of parts per million."""


def score_round(
    place: Place,
    state: JobState,
    job: Job,
    round_: Round,
    seed: bytes,
    fetch: Fetch,
    utility: Utility | None = None,
) -> tuple[int, ...]:
    """One score for each update that the round's final aggregate admits, by ascending member index.

    Without `utility` models are measured on the job's committed set, exactly; a scorer with a private set gives its
    own. Raises Unavailable where bytes cannot be had, Unscorable where the rules allow no scores.
    """
    raise NotImplementedError
