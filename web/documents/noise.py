"""The documents of noise: what a job hides, what that costs, and what its members spent of their budgets.

Costs and budgets are integers in units of 2^-32; each is shown as ε, at the job's δ, too. That noise was added is a
party's word; that it was paid for is on the ledger.
"""

from typing import Literal

from web.documents.common import Document, PartyDocument

Level = Literal["example", "client"]


class MemberSpent(Document, frozen=True):
    """What a member spent in the job's scope, in all its jobs; `epsilon` is that, `rounds_left` how many of this job's
    rounds its budget lasts for yet.
    """

    party: PartyDocument
    spent: int
    epsilon: str
    rounds_left: int


class JobNoise(Document, frozen=True):
    """A job's noise. At level `example` single rows are hidden: `clip` bounds a row's gradient, `noise` is in clips,
    `sampling` and `steps` say how rows are drawn. At level `client` whole members are: `clip` bounds an update's norm,
    in grains of `grain`; `variance` is that of the noise of the least set, of `least` members. Fields of the other
    level are null.

    `cost` is that of a round, `budget` what a member may spend in `scope` now; `rounds` is how many it lasts for.
    """

    level: Level
    clip: str
    noise: str
    sampling: str | None
    steps: int | None
    grain: int | None
    variance: int | None
    least: int | None
    delta: str
    orders: int
    scope: str
    cost: int
    budget: int
    rounds: int
    epsilon_of_round: str
    epsilon_of_budget: str
    members: tuple[MemberSpent, ...]


class RoundSpent(Document, frozen=True):
    """A member that spent a round's cost; `in_time`: before it committed to an update, else that is refused.

    `rounds` is in how many of the job's rounds up to this one it did, `epsilon` what that comes to.
    """

    party: PartyDocument
    in_time: bool
    rounds: int
    epsilon: str


class RoundNoise(Document, frozen=True):
    """What a round costs its participants, as ε at `delta`, out of the budgets of `scope`; and who spent it."""

    level: Level
    delta: str
    scope: str
    cost: int
    epsilon: str
    members: tuple[RoundSpent, ...]
