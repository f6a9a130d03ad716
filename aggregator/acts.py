"""The steps that an aggregator can take."""

from dataclasses import dataclass

from ledger.rounds.steps import Advance, Wait


@dataclass(frozen=True, slots=True)
class OpenRound:
    """Open the job's next round."""

    job: int


@dataclass(frozen=True, slots=True)
class OpenUpdates:
    """Open the updates whose openings are here."""

    job: int
    round: int


@dataclass(frozen=True, slots=True)
class PublishAggregate:
    """Work out the round's outcome and publish it; `certified` are the members whose updates have a certificate."""

    job: int
    round: int
    attempt: int
    certified: frozenset[int]


@dataclass(frozen=True, slots=True)
class OpenSegment:
    """Have the members set up the masks of a segment's rounds."""

    job: int
    segment: int


@dataclass(frozen=True, slots=True)
class ProposeCast:
    """Propose whose set-ups count in a segment."""

    job: int
    segment: int
    cast: frozenset[int]


@dataclass(frozen=True, slots=True)
class ProposeSet:
    """Work out whose masked updates are summed, and propose them; `certified` are those whose updates have a
    certificate.
    """

    job: int
    round: int
    certified: frozenset[int]


MaskStep = OpenSegment | ProposeCast | ProposeSet
Step = OpenRound | OpenUpdates | PublishAggregate | MaskStep | Advance | Wait
