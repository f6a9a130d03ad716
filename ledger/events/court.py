"""The event of the contract AggregateCourt: what was proved false by arithmetic on chain (docs/spec/court.md)."""

from enum import IntEnum

from ledger.events.event import Event


class Ground(IntEnum):
    """What an aggregate was convicted of: a false value of its model; an admitted update with a value above the job's
    limit, or with a weight above it; a model of fewer updates than the job needs."""

    VALUE = 1
    LIMIT = 2
    WEIGHT = 3
    TOO_FEW = 4


class CourtEvent(Event, frozen=True):
    """An event of AggregateCourt; all of them are in `AnyCourtEvent`."""


class Convicted(CourtEvent, frozen=True, tag=True):
    """A claim was refuted by its own openings: the ledger's event of what follows comes next.

    The claim is that of an attempt at `round`, which builds on the model of round `before`, 0 for the initial one.
    `member` is whose update it is about, under LIMIT and WEIGHT; `value` the number of a value in the stream, under
    VALUE and LIMIT; else both are 0. `expected` is what recomputes, or the bound; `actual` what was claimed, or what
    the update has, or how many were admitted. `caller` is the key that sent the refutation: anybody's.
    """

    job: int
    round: int
    before: int
    claim: bytes
    ground: Ground
    member: int
    value: int
    expected: int
    actual: int
    caller: str


class Shown(CourtEvent, frozen=True, tag=True):
    """A key showed the court admitted updates of a claim, from number `first` on: of one value, with the bounds `low`
    and `high`, for a refutation of its own. `shown` of them are shown now; `first` 0 begins again."""

    job: int
    claim: bytes
    caller: str
    value: int
    low: int
    high: int
    first: int
    shown: int


AnyCourtEvent = Convicted | Shown
