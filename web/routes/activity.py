"""What happened on the ledger: its page, and the same as an Atom feed."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated
from xml.sax.saxutils import escape, quoteattr

from fastapi import APIRouter, Query, Request, Response
from pydantic import BeforeValidator, Field

from web.documents.activity import ActivityLine, ActivityPage
from web.documents.refusals import NoOrigin
from web.drawing.activity import plain_sentence
from web.drawing.language import Texts, texts
from web.reading.activity import KINDS, chosen
from web.reading.ledger import Reading
from web.routes.parameters import LAST, ROWS, Now, Rows, own_origin, reading
from web.routes.responses import language_of, tagged

ATOM = "application/atom+xml; charset=utf-8"
IN_FEED = 50
LAST_TIME = 253402300799
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
    now, language = reading(request), language_of(request)
    lines, _ = chosen(now, LAST, IN_FEED, member, job, str(kind) if kind else None)
    body = feed_document(now, lines, texts(language), _origin(request))
    return tagged(request, body.encode(), ATOM, vary="Accept-Language, Cookie")


def feed_document(now: Reading, lines: tuple[ActivityLine, ...], t: Texts, origin: str) -> str:
    """The feed's XML; `origin` is where this server is reached."""
    network = now.network
    name = f"tag:fedledger,2026:{network.chain.id}:{network.contracts.ledger.address}"
    latest = _stamp(lines[0].time if lines else None)
    entries = "".join(_entry(line, t, origin, name) for line in lines)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="{t.language}">\n'
        f"<id>{escape(name)}</id>\n<title>{_text(network.name)}: {_text(t('activity', 'title'))}</title>\n"
        f"<updated>{latest}</updated>\n<author><name>{_text(network.name)}</name></author>\n"
        f'<link rel="self" href={quoteattr(origin + "/activity.atom")}/>\n'
        f'<link rel="alternate" href={quoteattr(origin + "/activity")}/>\n{entries}</feed>\n'
    )


def _entry(line: ActivityLine, t: Texts, origin: str, name: str) -> str:
    words = _text(plain_sentence(line, t))
    return (
        f"<entry><id>{escape(name)}:{line.number}</id><title>{words}</title>"
        f"<updated>{_stamp(line.time)}</updated><link href={quoteattr(origin + line.path)}/>"
        f'<category term="{line.kind}"/><content type="text">{words} {_text(t("block"))} {line.block}, '
        f"{_text(t('tx'))} {line.tx}</content></entry>\n"
    )


def _stamp(time: int | None) -> str:
    """A time as Atom has it; the start of 1970 for one that was not read, or that no calendar has."""
    seconds = time if time is not None and 0 <= time <= LAST_TIME else 0
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text(text: str) -> str:
    """Text for XML, which has no place for control characters."""
    return escape("".join(one for one in text if one.isprintable()))


def _origin(request: Request) -> str:
    """The address that readers come by; empty where it is not known: links are paths then."""
    try:
        return own_origin(request)
    except NoOrigin:
        return ""
