"""The events of the contract ScoreBoard: what scorers bound themselves to, revealed, and the medians.

`job` and `round` are numbers from 1. Scorers are named by their keys, EIP-55 addresses. A list of scores is four bytes
for each admitted update, by ascending member index (`ledger.formats.claims.unpack_scores`). `withheld` is a number of
32 bytes, big-endian: bit i is set where member i committed and did not reveal.
"""

from ledger.events.event import Event


class ScoreEvent(Event, frozen=True):
    """An event of ScoreBoard; all of them are in `AnyScoreEvent`."""


class ScoringOpened(ScoreEvent, frozen=True, tag=True):
    """The scoring of a finalised round began.

    `seed` (32 bytes) is what scores may draw from; `updates` were admitted, and `scorers` may commit: those of `epoch`,
    until `commit_deadline`, its second included, in seconds since 1970 by the chain's clock.
    """

    job: int
    round: int
    opener: str
    seed: bytes
    epoch: int
    updates: int
    scorers: int
    commit_deadline: int


class ScoresCommitted(ScoreEvent, frozen=True, tag=True):
    """A scorer bound itself to its scores by their hash (32 bytes)."""

    job: int
    round: int
    scorer: str
    commitment: bytes


class ScoresRevealed(ScoreEvent, frozen=True, tag=True):
    """A scorer revealed the scores that it had committed to, and the salt (32 bytes) of the hash."""

    job: int
    round: int
    scorer: str
    salt: bytes
    scores: bytes


class MediansSettled(ScoreEvent, frozen=True, tag=True):
    """Some updates have their scores: the median for each, from the admitted update at place `start` on."""

    job: int
    round: int
    start: int
    medians: bytes


class ScoresSettled(ScoreEvent, frozen=True, tag=True):
    """The round has its scores: every median is settled, and the root (32 bytes) is over all that was revealed."""

    job: int
    round: int
    root: bytes
    withheld: bytes


class ScoringVoid(ScoreEvent, frozen=True, tag=True):
    """Too few scorers revealed, or nobody settled in time: the round never has scores."""

    job: int
    round: int
    withheld: bytes


AnyScoreEvent = ScoringOpened | ScoresCommitted | ScoresRevealed | MediansSettled | ScoresSettled | ScoringVoid
