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
from ledger.jobs.privacy import LEAST_SET, groups_needed
from ledger.jobs.rules import TrimmedMean, WeightedMean
from participant.jobs.aggregation import DraftRule
from participant.jobs.draft import Draft, DraftTerms
from participant.jobs.protection import smallest_of
from participant.jobs.server import server_of

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
        return _majority(self.participants)


def _majority(places: int) -> int:
    return places - (places - 1) // 2


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
    if draft.privacy.groups is not None and draft.privacy.masked:
        return _min_updates_in_groups(draft, electorate)
    for said in (draft.admission.min_updates, draft.privacy.smallest):
        if said is not None:
            return said
    if buffer := draft.schedule.buffer:
        return _majority(min(buffer, electorate.participants) if electorate is not None else buffer)
    if electorate is None:
        raise Malformed("admission.min_updates is missing", advice="say it, or join a network: it follows from that")
    least = smallest_of(electorate.members) if draft.privacy.masked else 0
    return max(least, electorate.most_needed)


def smallest_sum_of(draft: Draft, electorate: Electorate | None, min_updates: int) -> int:
    """How many updates are in the least sum that anybody sees: all that are needed, or those of a group."""
    groups = draft.privacy.groups
    if groups is None:
        return min_updates
    if draft.privacy.smallest is not None:
        return draft.privacy.smallest
    return smallest_of(electorate.participants // max(groups, 1)) if electorate is not None else LEAST_SET


def _min_updates_in_groups(draft: Draft, electorate: Electorate | None) -> int:
    """As many as the least groups have together that make a model, and whenever that is more, as in other jobs."""
    if draft.admission.min_updates is not None:
        return draft.admission.min_updates
    rule = draft.aggregation or WeightedMean()
    trim = rule.trim if isinstance(rule, TrimmedMean) else 0
    least = smallest_sum_of(draft, electorate, 0) * groups_needed(str(rule.__struct_config__.tag), trim)
    return max(least, electorate.most_needed if electorate is not None else 0)


def rule_of(draft: Draft, electorate: Electorate | None, min_updates: int) -> DraftRule:
    """How updates become a model: a trimmed mean from five participants on, so that no single one carries it away; but
    the weighted mean under masks, which show no more than sums, in buffered jobs, and where the draft says what goes
    with it alone.
    """
    if draft.aggregation is not None:
        return draft.aggregation
    if draft.privacy.masked or draft.schedule.buffer or _weighs(draft):
        return WeightedMean()
    trim = (min_updates - 1) // 2
    robust = electorate is not None and electorate.participants >= ROBUST_FROM and trim > 0
    return TrimmedMean(trim=trim) if robust else WeightedMean()


def _weighs(draft: Draft) -> bool:
    """Whether a draft's optimiser or scores need the mean by samples."""
    past = draft.scoring is not None and draft.scoring.weighting == "past_scores"
    return past or server_of(draft.server).corrects


def check_participants(masking: Masking, electorate: Electorate | None, min_updates: int = 0) -> None:
    """Raise Malformed for masks that need more participants than there are: no segment could ever be opened, or no
    round have a model.
    """
    there = electorate.participants if electorate else 0
    needed = max(masking.least(there), min_updates)
    if electorate is not None and needed > there:
        raise Malformed(
            f"masks need {needed} participants",
            advice="lower privacy.smallest and privacy.threshold as far as they go, admit members, or mask nothing",
            expected=needed,
            actual=there,
        )


def warning_of(min_updates: int, electorate: Electorate | None, masking: Masking | None = None, buffer: int = 0) -> str:
    """What it means to need so many updates, of a `buffer` where there is one, and answers where they are masked; empty
    where it is harmless.
    """
    if electorate is None:
        return ""
    if buffer:
        return _buffer_warning(min_updates, min(buffer, electorate.participants))
    needed = max(min_updates, masking.least(electorate.participants)) if masking else min_updates
    if needed <= electorate.most_needed:
        return ""
    few = max(electorate.participants - needed, 0) + 1
    who = "1 participant that sends nothing ends" if few == 1 else f"{few} participants that send nothing end"
    what = "min_updates is" if needed == min_updates else f"{needed} answers are what masks need,"
    return f"{who} every round without a model: {what} above {electorate.most_needed}"


def _buffer_warning(needed: int, places: int) -> str:
    """Who fills places of a buffer and opens nothing leaves them to nobody."""
    if needed <= _majority(places):
        return ""
    few = max(places - needed, 0) + 1
    who = "1 participant that commits early and opens" if few == 1 else f"{few} participants that commit early and open"
    what = f"min_updates is above {_majority(places)}, for {places} updates a round"
    return f"{who} nothing can leave every round without a model: {what}"
