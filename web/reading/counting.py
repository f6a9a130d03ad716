"""Counts over rounds: whose updates went into models, and what became of each round's updates. Pure."""

from collections import Counter
from collections.abc import Sequence

from ledger.history.state import JobState, Round
from ledger.rounds.admission import Verdict
from web.documents.rounds import Activity
from web.reading.latest import Lineage


def verdicts(round_: Round) -> Sequence[int | None]:
    """The latest aggregate's verdict on each update, in the order of members; None before it."""
    found = round_.aggregates[-1].verdicts if round_.aggregates else b""
    return found if len(found) == len(round_.updates) else [None] * len(round_.updates)


def admitted(round_: Round) -> list[int]:
    """Whose updates are in the model that a round finalised."""
    if round_.final is None:
        return []
    judged = zip(sorted(round_.updates), verdicts(round_), strict=True)
    return [index for index, verdict in judged if verdict == Verdict.ADMITTED]


def lineage_of(state: JobState, number: int) -> Lineage:
    """What the model of a round and those that it was built on were made of."""
    rounds, updates = state.lineage(number), Counter[int]()
    for one in rounds:
        updates.update(admitted(state.rounds[one]))
    return Lineage(len(rounds), dict(updates))


def activity(round_: Round) -> Activity:
    """The updates of a round by what became of them."""
    found = verdicts(round_)
    waiting = sum(verdict is None for verdict in found)
    taken = sum(verdict == Verdict.ADMITTED for verdict in found)
    return Activity(round=round_.number, admitted=taken, refused=len(found) - waiting - taken, open=waiting)
