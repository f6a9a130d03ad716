"""What a member's gateway answers besides content: what opens updates, what members hold, and blocks that they push.

    GET  /opening/JOB/ROUND           the openings that were shown here, 104 bytes each
    POST /opening/JOB/ROUND           one of them: kept if the ledger has its commitment, and it is not open
    GET  /have/JOB/ROUND              the receipts file that is known here
    POST /have/JOB/ROUND              one entry of it: kept if it fits the round
    GET  /slips/JOB/ROUND             slips of sealed updates, and erasures, that are known here, of any round
    POST /slips/JOB/ROUND             a file of slips: kept if it fits the round, which is under way
    GET  /push/JOB/ROUND/FILE         the blocks of FILE that are to come next, a CID each line; none: all of it is here
    PUT  /push/JOB/ROUND/FILE/BLOCK   a block; 201 with this member's own entry once all of the file is here

A push carries `Authorization: Push SIGNATURE` of a member of that round's roll (ledger/events/haves.py).
Only what the ledger says is owed is taken, and no more bytes than the job's files have. See docs/spec/content.md.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, Protocol

from ledger.errors import FedledgerError, Malformed, UsageError
from ledger.events.haves import Push, push_to_sign, signer_of
from ledger.formats.cid import Cid
from ledger.formats.claims import RoundName, commitment, unpack_openings
from ledger.formats.digest import sha256
from ledger.formats.typed import TypedData
from ledger.http.conditions import has_already
from ledger.party.sharing.duties import Duties
from ledger.party.sharing.haves import Haves, require_fit
from ledger.party.sharing.openings import Openings
from ledger.party.sharing.owed import Owed
from ledger.rounds.receipts import Roll, parse_entry
from ledger.store.arrivals import Arrivals
from ledger.store.gateway import Request, Response, text

RECEIPTS_TYPE = "application/octet-stream"
SCHEME = "Push "
_NUMBER = "([1-9][0-9]{0,9})"
_OPENING = re.compile(f"/opening/{_NUMBER}/{_NUMBER}")
_HAVE = re.compile(f"/have/{_NUMBER}/{_NUMBER}")
_SLIPS = re.compile(f"/slips/{_NUMBER}/{_NUMBER}")
_PUSH = re.compile(f"/push/{_NUMBER}/{_NUMBER}/([a-z2-7]{{59}})(?:/([a-z2-7]{{59}}))?")
_SIGNATURE = re.compile("Push ([0-9a-f]{130})")


class KnownSlips(NamedTuple):
    """What others may have of a round's slips: files one behind the other, and their SHA-256."""

    bundle: bytes
    digest: bytes


class SlipDesk(Protocol):
    """What a home has of the slips of sealed updates."""

    def known(self, job: int, round_: int) -> KnownSlips:
        """What others may have of a round."""
        ...

    def take(self, roll: Roll, data: bytes) -> bool:
        """Keep slips of a round under way; whether they were new. Raises UsageError where they do not fit the round, as
        it is known here, Malformed and Unavailable.
        """
        ...


class Desk:
    """Answers by `duties`, which the thread that follows the chain sets; several threads ask.

    `arrived` is called when something new was taken in: no more often than the ledger has commitments, and members.
    `said` is called instead for openings and entries; without it `arrived` is.
    """

    def __init__(
        self,
        openings: Openings,
        haves: Haves,
        arrivals: Arrivals | None,
        arrived: Callable[[], None] = lambda: None,
        slips: SlipDesk | None = None,
        said: Callable[[], None] | None = None,
    ) -> None:
        self._slip_desk, self._said = slips, said or arrived
        self._openings, self._haves, self._arrivals, self._arrived = openings, haves, arrivals, arrived
        self.duties = Duties()

    def answer(self, request: Request) -> Response | None:
        """See `ledger.store.gateway.Responder`. Raises Malformed and Unavailable, which the gateway answers."""
        replies = ((_OPENING, self._opening), (_HAVE, self._have), (_SLIPS, self._slips), (_PUSH, self._push))
        for shape, reply in replies:
            if found := shape.fullmatch(request.path):
                return reply(request, *found.groups())
        return None

    def _opening(self, request: Request, job: str, number: str) -> Response:
        duties, key = self.duties, (int(job), int(number))
        if (roll := duties.rolls.get(key)) is None:
            return text("404 Not Found", "this round is not under way here")
        if request.method in {"GET", "HEAD"}:
            data = self._openings.shown(*key)
            return _tagged(data, sha256(data), request)
        if request.method != "POST":
            return text("405 Method Not Allowed", "GET, HEAD or POST", Allow="GET, HEAD, POST")
        name, shown = RoundName(roll.chain, roll.ledger, *key), unpack_openings(request.body)
        if len(shown) != 1 or commitment(name, shown[0]) not in duties.unopened[key]:
            return text("403 Forbidden", "the ledger has no such commitment, here and now, that is not open")
        if self._openings.take(name, shown[0]):
            self._said()
        return _file(b"")

    def _have(self, request: Request, job: str, number: str) -> Response:
        roll = self.duties.rolls.get((int(job), int(number)))
        if roll is None:
            return text("404 Not Found", "this round is not under way here")
        if request.method in {"GET", "HEAD"}:
            known = self._haves.file(roll)
            return _tagged(known.file, known.digest, request)
        if request.method != "POST":
            return text("405 Method Not Allowed", "GET, HEAD or POST", Allow="GET, HEAD, POST")
        said = parse_entry(request.body)
        if said in self._haves.known(roll):
            return _file(b"")
        try:
            require_fit(said, roll)
        except UsageError as error:
            return text("403 Forbidden", error.message)
        if self._haves.take(roll, [said]):
            self._said()
        return _file(b"")

    def _slips(self, request: Request, job: str, number: str) -> Response:
        desk = self._slip_desk
        if desk is None:
            return text("404 Not Found", "no slips are kept here")
        if request.method in {"GET", "HEAD"}:
            return _tagged(*desk.known(int(job), int(number)), request)
        if request.method != "POST":
            return text("405 Method Not Allowed", "GET, HEAD or POST", Allow="GET, HEAD, POST")
        roll = self.duties.rolls.get((int(job), int(number)))
        if roll is None:
            return text("404 Not Found", "this round is not under way here")
        try:
            new = desk.take(roll, request.body)
        except Malformed:
            raise
        except UsageError as error:
            return text("403 Forbidden", error.message)
        if new:
            self._arrived()
        return _file(b"")

    def _push(self, request: Request, job: str, number: str, file: str, block: str | None) -> Response:
        if self._arrivals is None:
            return text("404 Not Found", "nothing is taken in here")
        allowed = "PUT" if block else "GET"
        if request.method != allowed:
            return text("405 Method Not Allowed", allowed, Allow=allowed)
        roll = self.duties.pushers.get((int(job), int(number)))
        owed = None if roll is None else self._owed(request, roll, Cid.parse(file))
        if roll is None or owed is None:
            return text(
                "403 Forbidden",
                "the ledger does not say, here and now, that members owe this file, and that this key is a member's",
            )
        if block is None:
            missing = self._arrivals.missing(owed.file, owed.size, owed.pin)
            if not missing:
                self._whole(owed, roll)
            return text("200 OK", "\n".join(map(str, missing)))
        if self._arrivals.take(owed.file, owed.size, owed.pin, Cid.parse(block), request.body):
            response = self._whole(owed, roll)
            self._arrived()
            return response
        return _file(b"")

    def _owed(self, request: Request, roll: Roll, file: Cid) -> Owed | None:
        found = _SIGNATURE.fullmatch(request.authorization)
        if found is None:
            return None
        push = Push(roll.job, roll.round, file.digest)
        with suppress(Malformed):
            key = signer_of(roll.chain, roll.ledger, push, bytes.fromhex(found[1]))
            if key in roll.keys.values():
                return self.duties.files.get((roll.job, roll.round, file))
        return None

    def _whole(self, owed: Owed, roll: Roll) -> Response:
        """All of a file is here: of an update this member says so, in the response as well."""
        signed = None
        if owed.update is not None:
            with suppress(FedledgerError):  # a key that cannot sign now: the worker says it later
                signed = self._haves.say(roll, [owed.update], self.duties.tip)
        return _file(signed.encode() if signed else b"", "201 Created")


def authorization(sign: Callable[[TypedData], bytes], roll: Roll, owed: Owed) -> str:
    """The header that pushes of a file carry."""
    push = Push(owed.job, owed.round, owed.file.digest)
    return SCHEME + sign(push_to_sign(roll.chain, roll.ledger, push)).hex()


def _tagged(data: bytes, digest: bytes, request: Request) -> Response:
    """What is served to many: one that has it already gets no byte of it."""
    tag = f'"{digest.hex()}"'
    headers = {"Content-Type": RECEIPTS_TYPE, "Cache-Control": "no-cache", "Etag": tag}
    if has_already(request.if_none_match, tag):
        return Response("304 Not Modified", [], headers)
    return Response("200 OK", [data], headers | {"Content-Length": str(len(data))})


def _file(data: bytes, status: str = "200 OK") -> Response:
    headers = {"Content-Type": RECEIPTS_TYPE, "Content-Length": str(len(data)), "Cache-Control": "no-store"}
    return Response(status, [data], headers)
