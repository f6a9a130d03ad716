"""Documents of what happened: an event of the ledger as a line, the activity, and the timeline of a round."""

from collections.abc import Iterator
from itertools import islice

from ledger.events import records as r
from ledger.events.actions import kind_word
from ledger.formats.claims import OPENING
from ledger.formats.digest import NOTHING
from ledger.history.sets import SHARE
from web.documents.activity import ActivityLine
from web.documents.common import PartyDocument
from web.reading.events.feed import NumberedEvent
from web.reading.events.naming import Namer
from web.reading.ledger import Reading

KINDS = {kind.__name__: "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.__name__)[1:] for kind in r.EVENTS}
"""What each event is called in documents: UpdateCommitted is update_committed."""
MOST_IN_TIMELINE = 100
MOST_SCANNED = 2_000
"""So many events are looked at for those that a filter asks for, before an answer says where to go on."""
ANY_KEY = ("member", "proposer", "opener", "party", "aggregator", "scorer", "key")


def newest(now: Reading, before: int) -> Iterator[NumberedEvent]:
    """The events that the reading knows, newest first."""
    return now.snapshot.feed.newest(min(before, now.snapshot.applied + 1))


def timeline(now: Reading, job: int, number: int) -> tuple[ActivityLine, ...]:
    """The events of a round that are kept, oldest first, at most so many of the latest."""
    known = [one for one in now.snapshot.feed.of_round(job, number) if one.number <= now.snapshot.applied]
    return tuple(activity_line(now, one) for one in known[-MOST_IN_TIMELINE:])


def events_after(now: Reading, number: int, most: int) -> tuple[ActivityLine, ...]:
    """The newest events behind the one of that number, oldest first, at most so many."""
    found = list(islice(newest(now, now.snapshot.applied + 1), min(most, max(0, now.snapshot.applied - number))))
    return tuple(activity_line(now, one) for one in reversed(found))


def chosen(
    now: Reading, before: int, limit: int, member: int | None, job: int | None, kind: str | None
) -> tuple[tuple[ActivityLine, ...], int | None]:
    """The newest lines that are asked for, and the number before which the next ones are."""
    lines: list[ActivityLine] = []
    for scanned, entry in enumerate(newest(now, before)):
        if len(lines) == limit or scanned == MOST_SCANNED:
            return tuple(lines), entry.number + 1
        event = entry.event
        if (
            (kind is None or KINDS[type(event).__name__] == kind)
            and (job is None or getattr(event, "job", None) == job)
            and (member is None or _index(now, event) == member)
        ):
            lines.append(activity_line(now, entry))
    return tuple(lines), None


def activity_line(now: Reading, entry: NumberedEvent) -> ActivityLine:
    number, event = entry
    return ActivityLine(
        number=number,
        log=event.log,
        tx=event.tx.hex(),
        kind=KINDS[type(event).__name__],
        party=_party(now, event),
        job=getattr(event, "job", None),
        round=getattr(event, "round", None),
        attempt=getattr(event, "attempt", None),
        proposal=_proposal(now, event),
        release=_release(now, event),
        path=_path(now, entry),
        facts=_facts(now, event),
        time_back=_is_back(now, entry),
        **now.dated(event.block),
    )


def _key(event: r.AnyEvent) -> str:
    """The key that an event names as the one that acts, or that it is about; empty for none."""
    return next((str(found) for name in ANY_KEY if isinstance(found := getattr(event, name, None), str)), "")


def _index(now: Reading, event: r.AnyEvent) -> int | None:
    """Who did it; of an event about a member without a doer, that member."""
    match event:
        case r.RotationApproved():
            return event.member
        case r.KeyRotated() | r.RolesChanged() | r.Announced():
            return event.index
    return now.snapshot.owners.get(_key(event))


def _party(now: Reading, event: r.AnyEvent) -> PartyDocument | None:
    index, key = _index(now, event), event.new_key if isinstance(event, r.KeyRotated) else _key(event)
    if index is None:
        return None
    return now.party(index, key) if key else now.member_party(index)


def _proposal(now: Reading, event: r.AnyEvent) -> int | None:
    found = now.snapshot.decisions.proposals.get(getattr(event, "proposal", b""))
    return found.number if found else None


def _release(now: Reading, event: r.AnyEvent) -> str | None:
    found = now.snapshot.decisions.releases.get(getattr(event, "release", b""))
    return f"{found.name}@{found.version}" if found else None


def _path(now: Reading, entry: NumberedEvent) -> str:
    event = entry.event
    proposal, release = _proposal(now, event), _release(now, event)
    if proposal is not None:
        return f"/proposals/{proposal}"
    if release is not None:
        return "/releases/" + release.replace("@", "/")
    return Namer().path(entry.number, event)


def _facts(now: Reading, event: r.AnyEvent) -> dict[str, str]:
    """What else is to be said: by which word, how many, of whom."""
    facts: dict[str, str] = {}
    match event:
        case r.Attested():
            facts["form"] = event.form.name.lower()
        case r.Voted():
            facts["choice"] = event.choice.name.lower()
        case r.RoundAbandoned():
            facts["reason"] = event.reason.name
        case r.AggregatePublished() if event.aggregate.root == NOTHING:
            facts["outcome"] = "no_model"
        case r.UpdatesOpened():
            facts["count"] = str(len(event.openings) // OPENING)
        case r.Proposed():
            facts["action"] = kind_word(event.kind)
        case r.RotationApproved():
            facts["other"] = now.name(event.index)
        case r.CastProposed() | r.CastFixed():
            facts |= {"segment": str(event.segment), "count": str(event.cast.bit_count())}
        case r.SegmentOpened() | r.SegmentSetUp() | r.CastAgreed():
            facts["segment"] = str(event.segment)
        case r.SetProposed() | r.SetFixed():
            facts["count"] = str(event.set.bit_count())
        case r.SharesGiven():
            facts["count"] = str(len(event.shares) // SHARE)
        case r.SuccessorNamed():
            facts |= {"ledger": event.ledger, "chain": str(event.chain)}
    return facts | _judged(event)


def _judged(event: r.AnyEvent) -> dict[str, str]:
    """What the court found, and which round's model the job goes on from."""
    match event:
        case r.Convicted():
            numbers = {name: str(getattr(event, name)) for name in ("value", "expected", "actual")}
            return {"ground": event.ground.name.lower(), **numbers}
        case r.Shown():
            return {"count": str(event.shown), "value": str(event.value)}
        case r.ModelConvicted():
            return {"before": str(event.before)}
        case r.JobRewound():
            return {"convicted": str(event.round), "latest": str(event.latest)}
    return {}


def _is_back(now: Reading, entry: NumberedEvent) -> bool:
    """Whether the chain's clock went back: the event before it, in another block, has a later time."""
    times = now.snapshot.times
    before = next(now.snapshot.feed.newest(entry.number), None)
    own, earlier = times.get(entry.event.block), times.get(before.event.block) if before else None
    return own is not None and earlier is not None and own.time < earlier.time
