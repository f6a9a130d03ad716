"""A visit to another member's gateway (its other side: ledger/party/sharing/desk.py): requests, and bounds on answers.

Nothing of an answer's words is repeated, and nothing that it says is believed before it is checked.
"""

import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from ledger.errors import Malformed
from ledger.formats.cid import Cid
from ledger.formats.claims import OPENING, UpdateOpening, pack_openings, unpack_openings
from ledger.history.fold import History
from ledger.http import addresses
from ledger.http.answers import Answer
from ledger.http.road import Road
from ledger.http.trouble import Trouble, between, refused
from ledger.party.connection import Connection
from ledger.party.named_gateways import NamedGateway, announced_gateways
from ledger.party.sharing.circle import circle
from ledger.party.sharing.desk import RECEIPTS_TYPE
from ledger.party.sharing.owed import Owed
from ledger.rounds.receipts import ENTRY, MAX_SIZE, Roll, SignedHave, parse, parse_entry
from ledger.seals.bundles import MOST as LONGEST_BUNDLE
from ledger.seals.bundles import split_bundle
from ledger.store import BlockSource
from ledger.store.arrivals import LISTED
from ledger.store.files import walk
from ledger.store.remote import unreachable

TIMEOUT = 20.0
BLOCK_TIMEOUT = 160.0
"""Seconds for each request, and for one that carries a block: as long as a gateway gives a client that is slow."""
RESENT = 4
"""How often a block goes to one gateway, at most: links drop, but a gateway that never has enough is left."""
_LIST = LISTED * 60
_MOST_OPENINGS = 2 * 255 * OPENING
_TAG = re.compile('"[!-~]{1,100}"')
"""What is sent back to a gateway as it came from there."""


class Visit:
    """Requests to one gateway, on one connection. Raises UsageError for an impossible address; each method raises
    Unavailable where it does not answer as it should, Malformed where what it sends is not in its form.
    """

    def __init__(self, gateway: NamedGateway) -> None:
        self._gateway = gateway
        address = addresses.gateway(gateway.url)
        self._road = Road(gateway.name, address, gateway.outgoing, gateway.reach)
        self._heard: tuple[Roll, str] | None = None

    @property
    def gateway(self) -> NamedGateway:
        """Where it leads."""
        return self._gateway

    def openings(self, job: int, round_: int) -> list[UpdateOpening]:
        """What was shown there of a round; nothing where that is not under way there."""
        answer = self._ask("GET", f"/opening/{job}/{round_}", _MOST_OPENINGS + 1, (200, 404))
        return unpack_openings(bytes(answer.body)) if answer.status == 200 else []

    def show(self, job: int, round_: int, opening: UpdateOpening) -> None:
        """Show what opens an update."""
        headers = {"Content-Type": RECEIPTS_TYPE}
        self._ask("POST", f"/opening/{job}/{round_}", 1, (200,), headers, pack_openings([opening]))

    def slips(self, job: int, round_: int) -> list[bytes]:
        """The files of slips and the erasures that are known there of a round."""
        answer = self._ask("GET", f"/slips/{job}/{round_}", LONGEST_BUNDLE + 1, (200, 404))
        return list(split_bundle(bytes(answer.body))) if answer.status == 200 else []

    def show_slips(self, job: int, round_: int, data: bytes) -> None:
        """Hand over a file of slips, or an erasure."""
        headers = {"Content-Type": RECEIPTS_TYPE}
        self._ask("POST", f"/slips/{job}/{round_}", 1, (200,), headers, data)

    def hear(self, roll: Roll, take: Callable[[Roll, Sequence[SignedHave]], object]) -> None:
        """Let `take` have what is known there of a round, unless it had the very same for this roll before."""
        seen = {"If-None-Match": self._heard[1]} if self._heard is not None and self._heard[0] == roll else {}
        answer = self._ask("GET", f"/have/{roll.job}/{roll.round}", MAX_SIZE + 1, (200, 304, 404), seen)
        if answer.status == 200:
            take(roll, parse(bytes(answer.body)))
            tag = answer.headers.get("etag", "")
            self._heard = (roll, tag) if _TAG.fullmatch(tag) else None

    def tell(self, job: int, round_: int, said: SignedHave) -> None:
        """Hand a message on."""
        headers = {"Content-Type": RECEIPTS_TYPE}
        self._ask("POST", f"/have/{job}/{round_}", 1, (200,), headers, said.encode())

    def push(self, owed: Owed, authorization: str, store: BlockSource, sent: Counter[Cid]) -> SignedHave | None:
        """Bring a file there, from where it stopped; what the holder signed for it, if it signs now.

        Only blocks of this file are sent, each at most `RESENT` times in all, which `sent` counts. Raises Malformed for
        a holder that asks for more.
        """
        place, headers = f"/push/{owed.job}/{owed.round}/{owed.file}", {"Authorization": authorization}
        own = {part.cid for part, _ in walk(lambda part: store.get(part.cid), owed.file, limit=owed.size)}
        while missing := self._missing(place, headers):
            if not own.issuperset(missing) or any(sent[block] >= RESENT for block in missing):
                raise Malformed("a gateway asks again for what it was sent, or for blocks that the file does not have")
            for block in missing:
                sent[block] += 1
                data = bytes(store.get(block))
                answer = self._ask("PUT", f"{place}/{block}", ENTRY + 1, (200, 201), headers, data)
                if answer.status == 201:
                    return parse_entry(bytes(answer.body)) if answer.body else None
        return None

    def _missing(self, place: str, headers: Mapping[str, str]) -> set[Cid]:
        body = self._ask("GET", place, _LIST + 1, (200,), headers).body
        try:
            return {Cid.parse(line) for line in body.decode("ascii").split()}
        except UnicodeDecodeError as error:
            raise Malformed("a list of blocks is not ASCII") from error

    def close(self) -> None:
        """Close the connection, in the middle of a request too."""
        self._road.close()

    def _ask(
        self,
        method: str,
        target: str,
        ceiling: int,
        good: tuple[int, ...],
        headers: Mapping[str, str] = MappingProxyType({}),
        body: bytes | None = None,
    ) -> Answer:
        name, url, seconds = self._gateway.name, self._gateway.url, BLOCK_TIMEOUT if method == "PUT" else TIMEOUT
        try:
            answer = self._road.ask(
                method, target, silence=seconds, whole=seconds, ceiling=ceiling, headers=headers, body=body
            )
        except Trouble as error:
            raise unreachable(error, holder=name, url=url) from error
        if answer.status not in good:
            raise unreachable(refused(name, answer), holder=name, url=url)
        if answer.is_page:
            raise unreachable(between(name, answer, "a member's gateway"), holder=name, url=url)
        return answer


class Visits:
    """A home's visits: one to each other member for messages and one for bytes, so that what is said does not wait.

    A member may announce another gateway at any time: the visit to the one before is closed, in the middle of a request
    too. Several threads may ask.
    """

    def __init__(self, connection: Connection, key: str) -> None:
        self._connection, self._key = connection, key
        self._lock, self._visits = threading.Lock(), dict[tuple[str, int], Visit]()
        self._others: tuple[History, int, dict[int, NamedGateway]] | None = None

    def others(self) -> dict[int, NamedGateway]:
        """The gateways that the other members announce now, by member index; visits to any other end."""
        history, known = self._connection.history, self._others
        if known is not None and known[0] is history and known[1] == history.told:
            return known[2]
        told, members = history.told, [one for one in history.members.values() if one.key != self._key]
        members = [one for one in members if one.gateway]
        gateways = announced_gateways(self._connection.network, members)
        now = {one.index: gateway for one, gateway in zip(members, gateways, strict=True)}
        self._others = history, told, now
        with self._lock:
            over = [place for place, visit in self._visits.items() if visit.gateway != now.get(place[1])]
            for place in over:
                self._visits.pop(place).close()
        return now

    def circle(self) -> frozenset[int]:
        """Those of the others that are talked to at once."""
        return circle(self._own(), self.others())

    def around(self, others: Mapping[int, NamedGateway]) -> list[tuple[int, NamedGateway]]:
        """The others by index from this member on: each begins with another one."""
        own = self._own()
        return sorted(others.items(), key=lambda one: (one[0] < own, one[0]))

    def _own(self) -> int:
        members = self._connection.history.members.values()
        return next((one.index for one in members if one.key == self._key), -1)

    def to(self, kind: str, member: int, gateway: NamedGateway) -> Visit:
        """The one visit for errands of a kind to a member. Raises UsageError for an impossible address."""
        with self._lock:
            visit = self._visits.get((kind, member))
            if visit is None or visit.gateway != gateway:
                if visit is not None:
                    visit.close()
                visit = self._visits[kind, member] = Visit(gateway)
            return visit

    def close(self) -> None:
        """End all, in the middle of a request too."""
        with self._lock:
            visits, self._visits = list(self._visits.values()), {}
        for visit in visits:
            visit.close()
