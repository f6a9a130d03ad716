"""News of the ledger, posted one by one to an address, each until it is taken.

At least once: what was sent and not taken, or taken and not noted before a crash, is sent again under the same id. The
form is that of Standard Webhooks (https://www.standardwebhooks.com): `webhook-id`, `webhook-timestamp` and
`webhook-signature`, HMAC-SHA256 (RFC 2104) over id, timestamp and body.
"""

import base64
import hashlib
import hmac
import logging
import time
from pathlib import Path
from threading import Event, Thread
from typing import Self

import msgspec

from ledger.config import Network
from ledger.errors import FedledgerError
from ledger.formats.digest import sha256
from ledger.http.outgoing import Outgoing
from ledger.http.road import Road
from ledger.http.trouble import rest_of
from web.documents.activity import ActivityLine, News
from web.drawing.activity import plain_sentence
from web.drawing.language import LANGUAGES, texts
from web.notify.bookmark import MOST, Bookmark, DeliveredNews
from web.notify.hook import Hook
from web.notify.news import news_after, news_id
from web.reading.activity import activity_line
from web.reading.latest import Latest
from web.reading.ledger import Reading

FIRST_REST, LAST_REST = 1.0, 300.0
SILENCE, WHOLE, LARGEST_ANSWER = 10.0, 20.0, 1 << 16
LOOK = 2.0
"""After so many seconds without a change it looks again, since what a change was told by may have been missed."""
_log = logging.getLogger("fedledger.web")


class Webhook:
    """Posts news while it is open, in a thread of its own: nobody waits for it. `trouble` is why the last one was not
    taken; empty where it was.
    """

    def __init__(self, hook: Hook, latest: Latest, network: Network, outgoing: Outgoing, file: Path) -> None:
        self._hook, self._latest, self._network = hook, latest, network
        self._road = Road("the webhook", hook.address, outgoing, hook.reach)
        target = f"{hook.address.shown} {hook.address.path}?{hook.address.query}"
        ledger = network.contracts.ledger.address
        self._bookmark = Bookmark(file, network.chain.id, ledger, sha256(target.encode()).hex())
        self._stop = Event()
        self._thread = Thread(target=self._forever, name="webhook", daemon=True)
        self._gap = -1
        self.trouble = ""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._road.close()
        self._thread.join(SILENCE)

    def _forever(self) -> None:
        """Start again after any error, more and more slowly while nothing is taken."""
        serial, rest = -1, FIRST_REST
        while not self._stop.is_set():
            state = self._latest.wait(serial, LOOK)
            try:
                if state.snapshot is not None:
                    self._tell(Reading(self._network, state))
                serial, rest = state.serial, FIRST_REST
                self._note("")
            except _NotTaken as error:
                self._note(error.message)
                self._stop.wait(max(rest, error.rest))
                rest = min(2 * rest, LAST_REST)
            except Exception as error:  # noqa: BLE001  the edge of the thread
                _log.exception("a defect in the webhook")
                self._note(f"a defect of fedledger: {type(error).__name__}")
                self._stop.wait(LAST_REST)

    def _note(self, trouble: str) -> None:
        if trouble and trouble != self.trouble and not self._stop.is_set():
            _log.warning("webhook: %s", trouble)
        self.trouble = trouble

    def _tell(self, now: Reading) -> None:
        """Post what is new. Raises _NotTaken at the first that is not taken."""
        try:
            since = self._since(now)
            self._say_gap(since, now.snapshot.feed.first)
            for entry in news_after(now, since):
                if self._stop.is_set():
                    return
                self._post(now, activity_line(now, entry), news_id(now, entry.event))
                self._bookmark.advance(entry.number, news_id(now, entry.event))
        except FedledgerError as error:
            raise _NotTaken(error.message, getattr(error, "rest", None) or 0.0) from error

    def _say_gap(self, since: int, first: int) -> None:
        """Say once that events are not kept any more (`web.reading.events.feed.MOST_EVENTS`)."""
        if since + 1 < first and since != self._gap:
            _log.warning("webhook: %d events of the time away are kept no more, and not told", first - since - 1)
            self._gap = since

    def _since(self, now: Reading) -> int:
        """The number of the last event that was told and still stands. At the first start it begins behind the newest;
        behind none while the chain is shorter than all that is remembered of it, as a node's that starts again.
        """
        if not self._bookmark.known:
            self._bookmark.back_to(_newest(now))
        kept = self._bookmark.told
        standing = tuple(one for one in kept if self._stands(now, one))
        if standing != kept and (standing or kept[0].number <= now.snapshot.applied):
            self._bookmark.back_to(standing or (DeliveredNews(kept[0].number - 1, ""),))
        return self._bookmark.told[-1].number

    def _stands(self, now: Reading, told: DeliveredNews) -> bool:
        """Whether an event is where it was; one that is no longer kept is taken to be."""
        entry = now.snapshot.feed.numbered(told.number) if told.number <= now.snapshot.applied else None
        if entry is None:
            return told.number < max(now.snapshot.feed.first, 1)
        return not told.name or news_id(now, entry.event) == told.name

    def _post(self, now: Reading, line: ActivityLine, name: str) -> None:
        body, at = msgspec.json.encode(payload(now, line, name)), int(time.time())
        address = self._hook.address
        target = ("" if address.path else "/") + (f"?{address.query}" if address.query else "")
        headers = {
            "Content-Type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(at),
            "webhook-signature": signature(self._hook.secret.reveal(), name, at, body),
        }
        answer = self._road.ask(
            "POST", target, silence=SILENCE, whole=WHOLE, ceiling=LARGEST_ANSWER, headers=headers, body=body
        )
        if not answer.good:
            raise _NotTaken(f"the webhook's server answered with status {answer.status}", rest_of(answer.headers) or 0)


def _newest(now: Reading) -> tuple[DeliveredNews, ...]:
    """The newest events, as if they had been told."""
    last = now.snapshot.applied
    found = (now.snapshot.feed.numbered(number) for number in range(max(last - MOST, 0) + 1, last + 1))
    return tuple(DeliveredNews(one.number, news_id(now, one.event)) for one in found if one) or (
        DeliveredNews(last, ""),
    )


class _NotTaken(Exception):
    """The address did not take what was posted; `rest` is how many seconds it asks to be left alone."""

    def __init__(self, message: str, rest: float) -> None:
        super().__init__(message)
        self.message, self.rest = message, min(rest, LAST_REST)


def payload(now: Reading, line: ActivityLine, name: str) -> News:
    """What is posted of an event: the event as documents have it, and what it says in each language."""
    said = {language: plain_sentence(line, texts(language)) for language in LANGUAGES}
    network = now.network
    return News(
        id=name,
        network=network.name,
        chain=network.chain.id,
        ledger=network.contracts.ledger.address,
        event=line,
        text=said,
    )


def signature(key: bytes, name: str, at: int, body: bytes) -> str:
    """The header by which a receiver tells that a message is ours, and how old it is."""
    digest = hmac.new(key, f"{name}.{at}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()
