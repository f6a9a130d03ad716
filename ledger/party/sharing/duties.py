"""What the ledger says of bytes in the rounds under way: what was committed to, who owes which file, and by what
receipts are judged.

Made by the thread that follows the chain, and handed whole to the threads that answer others.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace

from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import Cid
from ledger.history.state import JobState, Round
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.sharing.owed import Owed, receipts_in, roll_now, setups_in, updates_in
from ledger.rounds.facts import roll_of
from ledger.rounds.receipts import Roll


@dataclass(frozen=True, slots=True)
class Duties:
    """As of block `tip`: the rolls of rounds under way by job and round, the digests of commitments that are not
    opened, and files owed by job, round and CID, which any member of the round's roll in `pushers` may push.
    """

    tip: int = -1
    rolls: Mapping[tuple[int, int], Roll] = field(default_factory=dict)
    unopened: Mapping[tuple[int, int], frozenset[bytes]] = field(default_factory=dict)
    files: Mapping[tuple[int, int, Cid], Owed] = field(default_factory=dict)
    pushers: Mapping[tuple[int, int], Roll] = field(default_factory=dict)


class Roster:
    """The duties of the history as a connection has it, put together again once something may have changed them: among
    many members they are a hundred files, and most looks find what the last one found.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection, self._history = connection, connection.history
        self._seen: Hashable = None
        self._duties = Duties()

    def now(self) -> Duties:
        """See `duties_of`."""
        history, seen = self._connection.history, _seen(self._connection)
        if history is not self._history or seen != self._seen:
            self._history, self._seen, self._duties = history, seen, duties_of(self._connection)
        return replace(self._duties, tip=self._connection.follower.tip.number)


def _seen(connection: Connection) -> Hashable:
    """All that duties follow from: commitments and phases, the documents that are here, and whatever else happened but
    once.
    """
    latest = [state.current for state in connection.history.jobs.values()]
    rounds = [one for one in latest if one is not None and not one.phase.terminal]
    here = [one.job for one in rounds if _document(connection, one) is not None]
    under_way = [(one.job, one.number, one.phase, len(one.commitments), len(one.updates)) for one in rounds]
    return connection.history.told, tuple(under_way), tuple(here)


def duties_of(connection: Connection) -> Duties:
    """Those of the history as the connection has it. A job whose document is not here owes no updates yet.

    The receipts of a job's latest round are owed after its end, too: until the next one is opened. Set-up files are
    owed before there is any round.
    """
    history = connection.history
    latest = [round_ for state in history.jobs.values() if state.open and (round_ := state.current) is not None]
    under_way = [round_ for round_ in latest if not round_.phase.terminal]
    pushers = {(one.job, one.number): roll_of(connection.place, one) for one in latest}
    rolls = {(one.job, one.number): pushers[one.job, one.number] for one in under_way}
    unopened = {(one.job, one.number): frozenset(made.digest for made in one.unopened) for one in under_way}
    owed = [owed for one in latest for owed in receipts_in(one, history.masks.get(one.job))]
    owed += [owed for one in under_way for owed in _updates(connection, one)]
    for job in (state.number for state in history.jobs.values() if state.number in history.masks and _goes_on(state)):
        setups = list(setups_in(connection.place, history, job))
        for number in {one.round for one in setups} - {number for known, number in pushers if known == job}:
            pushers[job, number] = roll_now(connection.place, history, job, number)
        owed += setups
    files = {(one.job, one.round, one.file): one for one in owed}
    return Duties(connection.follower.tip.number, rolls, unopened, files, pushers)


def _goes_on(state: JobState) -> bool:
    """Whether rounds of an open job are under way or to come."""
    return (
        state.open and not state.closed and not (state.complete and (not state.current or state.current.phase.terminal))
    )


def _updates(connection: Connection, round_: Round) -> list[Owed]:
    """For a sealed update nobody signs at once that it is here: only once it was opened; nor for an edge's sum, before
    what it is made of is here, too.
    """
    if (document := _document(connection, round_)) is None:
        return []
    owed = updates_in(round_, document)
    return [replace(one, update=None) if _looked_into(document, one) else one for one in owed]


def _document(connection: Connection, round_: Round) -> Job | None:
    """The document of a round's job, where it is here."""
    try:
        return connection.documents.get(connection.history.jobs[round_.job], seconds=0)
    except (Malformed, Unavailable):
        return None


def _looked_into(document: Job, owed: Owed) -> bool:
    return document.sealed is not None or (owed.update is not None and document.is_edge(owed.update))
