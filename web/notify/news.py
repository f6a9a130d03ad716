"""What members decide and what becomes of rounds: the events of the ledger that feeds and webhooks tell of.

Everything else, who committed, attested or voted, is in the activity.
"""

from collections.abc import Iterator
from itertools import islice

from ledger.events import records as r
from web.documents.activity import ActivityLine
from web.reading.activity import activity_line, newest
from web.reading.events.feed import NumberedEvent
from web.reading.ledger import Reading

NEWS = frozenset(
    {
        *(r.Proposed, r.VoteClosed, r.Cancelled, r.Executed, r.RulesChanged),
        *(r.JobProposed, r.JobOpened, r.JobClosed, r.Convicted, r.ModelConvicted, r.JobRewound),
        *(r.AttemptFailed, r.RoundFinalised, r.RoundRefuted, r.RoundAbandoned),
        *(r.Released, r.Revoked, r.RolledBack),
        *(r.MemberAdmitted, r.MemberRemoved, r.KeyRotated, r.SuccessorNamed),
    }
)


def latest_news(now: Reading, most: int) -> tuple[ActivityLine, ...]:
    """The newest news of the events that are kept, newest first."""
    found = (entry for entry in newest(now, now.snapshot.applied + 1) if type(entry.event) in NEWS)
    return tuple(activity_line(now, entry) for entry in islice(found, most))


def news_after(now: Reading, number: int) -> Iterator[NumberedEvent]:
    """The news behind the event of that number that are kept, oldest first."""
    feed = now.snapshot.feed
    for next_ in range(max(number + 1, feed.first), now.snapshot.applied + 1):
        entry = feed.numbered(next_)
        if entry is not None and type(entry.event) in NEWS:
            yield entry


def news_id(now: Reading, event: r.AnyEvent) -> str:
    """What an event is called as long as it stays in its block: by chain, ledger, transaction and place there."""
    network = now.network
    return f"{network.chain.id}:{network.contracts.ledger.address}:{event.tx.hex()}:{event.log}"
