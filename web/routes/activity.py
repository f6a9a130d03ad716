"""What happened on the ledger: its page, and the same as an Atom feed."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import BeforeValidator, Field

from web.documents.activity import ActivityLine, ActivityPage
from web.documents.refusals import NoOrigin
from web.drawing.activity import plain_sentence
from web.drawing.language import Texts, texts
from web.notify.atom import AtomEntry, AtomFeed, encode_feed
from web.notify.news import latest_news
from web.reading.activity import KINDS, chosen
from web.reading.proposals import proposal_line
from web.routes.kept import Bodies
from web.routes.parameters import LAST, ROWS, Now, Rows, own_origin, reading
from web.routes.responses import language_of, tagged

ATOM = "application/atom+xml; charset=utf-8"
IN_FEED = 50
Kind = StrEnum("Kind", [(kind.upper(), kind) for kind in KINDS.values()])  # type: ignore[misc]

Chosen = BeforeValidator(lambda value: None if value == "" else value)
"""What a form leaves open is empty."""

BeforeEvent = Annotated[int | None, Query(ge=1, le=LAST, description="Only events with a lower number")]
OfMember = Annotated[
    Annotated[int, Field(ge=0, le=254)] | None, Chosen, Query(description="Only what this member did, or is about it")
]
InJob = Annotated[Annotated[int, Field(ge=1, le=LAST)] | None, Chosen, Query(description="Only what is of this job")]
OfKind = Annotated[Kind | None, Chosen, Query(description="Only events of this kind")]
router = APIRouter(tags=["service"])


async def activity(
    now: Now,
    before: BeforeEvent = None,
    limit: Rows = ROWS,
    member: OfMember = None,
    job: InJob = None,
    kind: OfKind = None,
) -> ActivityPage:
    """What happened on the ledger, newest first: who did what, when, in which transaction."""
    word = str(kind) if kind else None
    lines, rest = chosen(now, before or LAST, limit, member, job, word)
    asked = {"before": rest, "limit": limit, "member": member, "job": job, "kind": word}
    query = "&".join(f"{name}={value}" for name, value in asked.items() if value is not None)
    return ActivityPage(
        chain=now.chain,
        total=now.snapshot.applied,
        first=now.snapshot.feed.first,
        member=member,
        job=job,
        kind=word,
        members=tuple(map(now.member_party, now.snapshot.members)),
        jobs=tuple(now.snapshot.jobs),
        events=lines,
        next=f"/activity.json?{query}" if rest is not None else None,
    )


@router.get("/activity.atom", summary="The newest events as an Atom feed (RFC 4287)")
async def atom(request: Request, member: OfMember = None, job: InJob = None, kind: OfKind = None) -> Response:
    """The same as /activity, in the reader's language."""
    now, t = reading(request), texts(language_of(request))
    lines, _ = chosen(now, LAST, IN_FEED, member, job, str(kind) if kind else None)
    feed = _feed(request, t, "/activity.atom", "/activity")
    entries = (_entry(line, t, f"{feed.id}:{line.number}", "") for line in lines)
    return _atom(request, encode_feed(feed, entries))


@router.get("/atom.xml", summary="What is decided, and what becomes of rounds, as an Atom feed (RFC 4287)")
async def news(request: Request) -> Response:
    """Proposals, jobs, rounds that ended, releases and members, each under the same id for good."""
    now, t, bodies = reading(request), texts(language_of(request)), _bodies(request)
    key = ("news", t.language, _origin(request))
    body = bodies.get(now, *key)
    if body is None:
        feed = _feed(request, t, "/atom.xml", "/activity")
        lines = latest_news(now, IN_FEED)
        entries = (_entry(line, t, f"{feed.id}:{line.tx}:{line.log}", _about(request, line)) for line in lines)
        body = bodies.keep(now, encode_feed(feed._replace(id=f"{feed.id}:news"), entries), *key)
    return _atom(request, body)


def _bodies(request: Request) -> Bodies:
    bodies: Bodies = request.app.state.bodies
    return bodies


def _feed(request: Request, t: Texts, path: str, page: str) -> AtomFeed:
    network = reading(request).network
    return AtomFeed(
        id=f"tag:fedledger,2026:{network.chain.id}:{network.contracts.ledger.address}",
        title=f"{network.name}: {t('desk', 'news') if path == '/atom.xml' else t('activity', 'title')}",
        author=network.name,
        language=t.language,
        origin=_origin(request),
        path=path,
        page=page,
    )


def _entry(line: ActivityLine, t: Texts, name: str, about: str) -> AtomEntry:
    words = plain_sentence(line, t)
    said = f"{words} {about}".strip()
    place = f"{t('block')} {line.block}, {t('tx')} {line.tx}"
    return AtomEntry(name, said if about else words, line.time, line.path, line.kind, f"{said} {place}")


def _about(request: Request, line: ActivityLine) -> str:
    """What a proposal wants and until when it is voted on; empty of anything else."""
    now, renderer = reading(request), request.app.state.renderer
    found = now.snapshot.decisions.proposal(line.proposal) if line.proposal and line.kind == "proposed" else None
    if found is None:
        return ""
    words: str = renderer.wants(proposal_line(now, found), language_of(request))
    return words


def _atom(request: Request, body: bytes) -> Response:
    return tagged(request, body, ATOM, vary="Accept-Language, Cookie")


def _origin(request: Request) -> str:
    """The address that readers come by; empty where it is not known: links are paths then."""
    try:
        return own_origin(request)
    except NoOrigin:
        return ""
