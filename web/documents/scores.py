"""The documents of contribution scores: a round's, a job's sums, a member's standing.

Scores are whole numbers, in parts per million of what `unit` says: `points`, a share (accuracy, AUC), of which 10,000
parts are a percentage point; `nats`, the loss; `cosine`; or `ppm`, while the job's document has not been read.
"""

from typing import Literal

from web.documents.common import Dated, Document, PartyDocument

Unit = Literal["points", "nats", "cosine", "ppm"]
ScoringPhaseName = Literal["Waiting", "Committing", "Revealing", "AwaitingSettlement", "Settled", "Void"]
ScorerState = Literal["committed", "revealed", "withheld"]


class ScoringMethod(Document, frozen=True):
    """How a job's scores are made: `how` in a line of English. `utility` and `evidence` are null if none is used."""

    how: str
    method: str
    utility: str | None
    evidence: str | None
    samples: int | None
    past_scores: bool


class Score(Document, frozen=True):
    """An update's score in a round: `score` is null while there is none, and stays null if it was not `admitted`.

    `forfeited`: its party withheld scores that it had committed to, so that a positive score counts as zero.
    """

    index: int
    admitted: bool
    score: int | None
    forfeited: bool


class ScoringLine(Document, frozen=True):
    """A finalised round's scores in a list. `Waiting`: its scoring has not begun.

    `deadline` is the end of its present phase, null if that has none. `withheld` are the indices of those who
    committed and did not reveal; `scorers` could commit, `quorum` must reveal. `refuted`: by this server's last audit.
    """

    round: int
    phase: ScoringPhaseName
    deadline: int | None
    committed: int
    revealed: int
    scorers: int
    quorum: int
    withheld: tuple[int, ...]
    refuted: bool
    scores: tuple[Score, ...]


class Sum(Document, frozen=True):
    """What a party's scores add up to, over so many rounds.

    If the job weighs by past scores, `factor` is that of its update in a round opened now, and `share`, in parts per
    million, its part of the weight if all who were ever scored registered the same; else both are null.
    """

    party: PartyDocument
    score: int
    rounds: int
    factor: int | None
    share: int | None


class ScoredUpdate(Document, frozen=True):
    """An update of the final model; `score` is the median of what was revealed."""

    party: PartyDocument
    weight: int
    score: int | None
    forfeited: bool


class ScorerDocument(Document, frozen=True):
    """What a scorer did; `scores`, once revealed, are in the order of the round's scored updates."""

    party: PartyDocument
    state: ScorerState
    commitment: str
    committed_tx: str
    committed: Dated | None
    scores: tuple[int, ...]
    salt: str | None
    revealed_tx: str | None
    revealed: Dated | None


class Opening(Dated, frozen=True):
    """How a scoring was opened, and until when its phases last at most."""

    opener: PartyDocument
    epoch: int
    seed: str
    commit_deadline: int
    reveal_deadline: int
    tx: str


class RoundScoring(Document, frozen=True):
    """The scoring of a finalised round, whole. `root` is null until it is settled, `opening` until it is opened.

    `refuted`: this server's last audit found that scores of it do not recompute.
    """

    job: int
    round: int
    unit: Unit
    phase: ScoringPhaseName
    deadline: int | None
    scorers: int
    quorum: int
    root: str | None
    refuted: bool
    opening: Opening | None
    ended: Dated | None
    updates: tuple[ScoredUpdate, ...]
    parts: tuple[ScorerDocument, ...]


class JobScores(Document, frozen=True):
    """A job's scores at a glance: the best of `parties` by their sums over `rounds`, and the scoring under way."""

    unit: Unit
    made: ScoringMethod | None
    parties: int
    rounds: int
    best: tuple[Sum, ...]
    running: ScoringLine | None


class ScoredRound(Document, frozen=True):
    """What a member's update counted in a round, and the sum up to then."""

    round: int
    score: int
    sum: int


class Standing(Document, frozen=True):
    """A member among those scored in a job: `place` 1 has the highest sum. `latest`: its last rounds, oldest first."""

    unit: Unit
    sum: Sum
    place: int
    parties: int
    latest: tuple[ScoredRound, ...]
