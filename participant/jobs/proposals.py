"""What a draft leaves open, proposed by what bounds the harm that dishonest members can do.

A job is approved by its members: what is proposed here they read in the document.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from ledger.config import Network
from ledger.errors import Malformed
from ledger.events.masks import Masking
from ledger.events.records import Role, Terms
from ledger.history.fold import History
from ledger.jobs.document import Rule, TrimmedMean, WeightedMean
from participant.jobs.draft import Draft, DraftTerms
from participant.jobs.protection import smallest_of

LEAST_OPENING = 15
"""Seconds in which even small rounds are opened: every party shows its update, and one transaction opens them."""
OPENING_PART = 10
"""The opening takes so much less than the training: who commits and never opens costs the others that time."""
ROBUST_FROM = 5
"""Participants from which on a mean that single updates cannot carry away still has enough to average."""


@dataclass(frozen=True, slots=True)
class Electorate:
    """How many members there are, and how many of them are participants."""

    members: int
    participants: int

    @classmethod
    def founded(cls, network: Network) -> "Electorate":
        """As the network file says, which knows the founders alone."""
        return cls._of([Role.named(member.roles) for member in network.founding.members])

    @classmethod
    def present(cls, history: History) -> "Electorate":
        """As the ledger says."""
        return cls._of([member.roles for member in history.members.values() if member.active])

    @classmethod
    def _of(cls, roles: Sequence[Role]) -> "Electorate":
        return cls(len(roles), sum(bool(one & Role.PARTICIPANT) for one in roles))

    @property
    def attempts(self) -> int:
        """Aggregates of which one is honest, whenever a majority of the members is."""
        return (self.members - 1) // 2 + 1

    @property
    def most_needed(self) -> int:
        """Updates that come in whenever a majority of the participants is honest: to need more lets the others end
        every round.
        """
        return self.participants - (self.participants - 1) // 2


def terms_of(draft: DraftTerms, electorate: Electorate | None) -> Terms:
    """The draft's terms, and what it leaves open."""
    said = msgspec.structs.asdict(draft)
    if draft.open_seconds is None:
        said["open_seconds"] = max(LEAST_OPENING, draft.update_seconds // OPENING_PART)
    if draft.attempts is None:
        said["attempts"] = (electorate or Electorate(3, 3)).attempts
    return Terms(**said)


def min_updates_of(draft: Draft, electorate: Electorate | None) -> int:
    """How many updates must be admitted; under masks, so many are in the least sum that anybody sees.

    Raises Malformed where the draft does not say, and no network does.
    """
    for said in (draft.admission.min_updates, draft.privacy.smallest):
        if said is not None:
            return said
    if electorate is None:
        raise Malformed("admission.min_updates is missing", advice="say it, or join a network: it follows from that")
    least = smallest_of(electorate.members) if draft.privacy.masked else 0
    return max(least, electorate.most_needed)


def rule_of(draft: Draft, electorate: Electorate | None, min_updates: int) -> Rule:
    """How updates become a model: a trimmed mean from five participants on, so that no single one carries it away; but
    the weighted mean under masks, which show no more than a sum.
    """
    if draft.aggregation is not None:
        return draft.aggregation
    if draft.privacy.masked:
        return WeightedMean()
    trim = (min_updates - 1) // 2
    robust = electorate is not None and electorate.participants >= ROBUST_FROM and trim > 0
    return TrimmedMean(trim=trim) if robust else WeightedMean()


def check_participants(masking: Masking, electorate: Electorate | None) -> None:
    """Raise Malformed for masks that need more participants than there are: no segment could ever be opened."""
    there = electorate.participants if electorate else 0
    needed = masking.least(there)
    if electorate is not None and needed > there:
        raise Malformed(
            f"masks need {needed} participants",
            advice="lower privacy.smallest and privacy.threshold as far as they go, admit members, or mask nothing",
            expected=needed,
            actual=there,
        )


def warning_of(min_updates: int, electorate: Electorate | None, masking: Masking | None = None) -> str:
    """What it means to need so many updates, and answers where they are masked; empty where it is harmless."""
    if electorate is None:
        return ""
    needed = max(min_updates, masking.least(electorate.participants)) if masking else min_updates
    if needed <= electorate.most_needed:
        return ""
    few = max(electorate.participants - needed, 0) + 1
    who = "1 participant that sends nothing ends" if few == 1 else f"{few} participants that send nothing end"
    what = "min_updates is" if needed == min_updates else f"{needed} answers are what masks need,"
    return f"{who} every round without a model: {what} above {electorate.most_needed}"
