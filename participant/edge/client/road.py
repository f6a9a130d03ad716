"""A client's requests to its edge, on the one road out. Nothing that comes back is believed here."""

import json
import time
from collections.abc import Iterable
from typing import Any

from ledger.errors import FedledgerError, Malformed, Unavailable, UsageError, plain
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.http import addresses
from ledger.http.answers import Answer
from ledger.http.outgoing import OPEN, Outgoing
from ledger.http.road import Road
from ledger.http.trouble import rest_of
from participant.edge.documents import MAX_TASKS, PACE, SILENCE, UPDATE_HEADER, SignedUpdate
from participant.edge.refusals import (
    NotAClient,
    NothingThere,
    RoundClosed,
    TakenAlready,
    TooMany,
    UpdateRefused,
    UpdateTooLong,
)

SMALL = 1 << 20
_WORDS: dict[str, tuple[type[UsageError], str]] = {
    "TakenAlready": (TakenAlready, "the edge has another update of this client for the round"),
    "RoundClosed": (RoundClosed, "the edge takes no further update for the round"),
    "Malformed": (UpdateRefused, "the edge refuses what was sent"),
    "NotAClient": (NotAClient, "this client's key is not in the edge's list for the job"),
    "NothingThere": (NothingThere, "the edge does not have this"),
    "UpdateTooLong": (UpdateTooLong, "the edge expects a shorter update"),
}
"""Refusals by their names, in our own words: what an edge says is quoted, never passed off as ours."""


class EdgeRoad:
    """The way to an edge. Raises UsageError for what is not an http or https URL."""

    def __init__(self, url: str, outgoing: Outgoing = OPEN) -> None:
        self._road = Road("the edge", addresses.parse(url, "--edge"), outgoing)
        self.url = self._road.address.shown

    def tasks(self) -> bytes:
        return self._get("/v1/tasks", MAX_TASKS)

    def document(self, digest: str, most: int) -> bytes:
        return self._get(f"/v1/documents/{digest}", most)

    def model(self, cid: Cid, size: int) -> bytes:
        return self._get(f"/v1/models/{cid}", size, size)

    def receipt(self, job: int, round_: int, party: str) -> bytes:
        return self._get(f"/v1/receipts/{job}/{round_}/{party}", SMALL)

    def children(self, job: int, round_: int) -> bytes:
        return self._get(f"/v1/children/{job}/{round_}", SMALL)

    def send(self, signed: SignedUpdate, pieces: Iterable[Buffer], size: int) -> bytes:
        """Send an update; the receipt's bytes."""
        headers = {UPDATE_HEADER: signed.encode().decode(), "Content-Type": "application/octet-stream"}
        body = b"".join(bytes(piece) for piece in pieces)
        return self._ask("POST", "/v1/updates", SMALL, size, headers=headers, body=body)

    def close(self) -> None:
        self._road.close()

    def _get(self, target: str, most: int, moved: int = 0) -> bytes:
        return self._ask("GET", target, most, moved)

    def _ask(self, method: str, target: str, most: int, moved: int, **options: Any) -> bytes:
        """A success's body of at most `most` bytes. Raises Unavailable where none came, or the edge is busy; the
        edge's refusals; Malformed for a longer body.
        """
        whole = SILENCE + moved / PACE
        answer = self._road.ask(method, target, silence=SILENCE, whole=whole, ceiling=most + 1, **options)
        if not answer.good:
            raise _refusal(answer)
        if len(answer.body) > most:
            raise Malformed("the edge answered with more than was asked for", maximum=most, target=target)
        return bytes(answer.body)


def _refusal(answer: Answer) -> FedledgerError:
    """What an edge's refusal means."""
    said = _document(answer)
    name, words = str(said.get("error", "")), plain(str(said.get("message", "")))[:300]
    facts: dict[str, object] = {"status": answer.status, **({"edge_says": words} if words else {})}
    if answer.status in (429, 503):
        return TooMany("the edge is busy", rest_of(answer.headers) or 1.0, **facts)
    if answer.status >= 500:
        return Unavailable("the edge does not do what was asked", advice="tell its operator", **facts)
    kind, text = _WORDS.get(name, (UsageError, "the edge refuses what was sent"))
    return kind(text, advice="", **facts)


def _document(answer: Answer) -> dict[str, object]:
    try:
        said = json.loads(bytes(answer.body[:SMALL]))
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def pause_after(error: Unavailable, otherwise: float) -> float:
    """Seconds after which the same may be asked again."""
    rest = getattr(error, "seconds", None) or getattr(error, "rest", None)
    return float(rest) if rest else otherwise


def until(seconds: float) -> float:
    """The moment, by the monotonic clock, that is so many seconds away."""
    return time.monotonic() + seconds
