"""A member's slips on their way to the other members' gateways, and theirs on their way here.

Slips are made once a round's updates are open, for every member with a mask key. Who cannot be dialled shows its own
slips, and asks for the others': so outgoing connections are enough.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import FedledgerError, Malformed, Unavailable, UsageError
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.masks.keys import point_of
from ledger.masks.segment import sound_keys
from ledger.party.connection import Connection
from ledger.party.named_gateways import NamedGateway, announced_gateways
from ledger.party.seals.drawer import Drawer
from ledger.party.seals.reader import SealReader, mask_keys_of
from ledger.party.sharing.errands import LATER, Errands, Name
from ledger.party.sharing.visits import Visit, Visits
from ledger.rounds.facts import RoundFacts
from ledger.rounds.receipts import Roll
from ledger.seals import erasure
from ledger.seals.keys import ContentKey, UpdateName
from ledger.seals.slips import make_slips, read_slips

if TYPE_CHECKING:
    from ledger.keys import Signer

CLOSING = 5.0
"""Seconds that closing leaves to what is under way."""


class SlipErrands:
    """One home's slips. What it remembers only spares work: after a crash it shows and asks again."""

    def __init__(self, connection: Connection, signer: "Signer") -> None:
        self._connection, self._signer = connection, signer
        self.drawer, self.reader = Drawer(connection.folder), SealReader(connection.folder)
        self._errands, self._visits = Errands(), Visits(connection, signer.address)

    def make(self, facts: RoundFacts, cid: bytes) -> None:
        """Make the slips of the own update under this CID digest, whose key is at home, for the members as they are;
        the key itself is deleted then. Raises Unavailable where the disk does not take them.
        """
        name = UpdateName(facts.name, self._signer.address)
        key = self.drawer.own_key(name, cid)
        if key is None or self.drawer.erased(name, cid):
            return
        own = {point_of(one) for one in mask_keys_of(self._connection.folder)}
        self._put(key, cid, self._due(facts) | own)
        if own:
            self.drawer.forget_key(cid)

    def look(self, facts: RoundFacts) -> frozenset[int]:
        """Show the own slips of a round, ask for those that are lacking; the members whose updates can be opened here.

        Where a member's slips are garbage for another, this one makes slips of that update, too; so it does of its own
        for a member that has a mask key by now. To be called again while the round is under way. Raises as
        `SealReader.open`, and Unavailable where the disk does not take slips.
        """
        self.forget(facts.round.job, facts.round.number)
        opened = self.reader.open(facts, self._here)
        keys = {cid: key for cid, key in opened.keys.items() if isinstance(key, ContentKey)}
        others = self._visits.others()
        if self._stand_in(facts, keys):
            self._errands.soon([self._name("show-slips", facts, member) for member in others])
        mine = list(self.drawer.files(facts.round.job, facts.round.number, self._signer.address))
        for member, gateway in others.items():
            if mine:
                show = partial(self._show, member, gateway, facts, mine)
                self._errands.start(self._name("show-slips", facts, member), show)
            if len(keys) < len(facts.entries):
                ask = partial(self._ask, member, gateway, facts.roll)
                self._errands.start(self._name("slips", facts, member), ask, repeat=True, after=LATER)
        return frozenset(entry.update.index for entry in facts.entries if entry.update.cid in keys)

    def _here(self, cid: Cid, start: int, stop: int | None) -> Iterator[Buffer]:
        """As `Fetch`, of what is in the own store: nothing is waited for."""
        store = self._connection.store
        if store is None or not store.has(cid):
            raise Unavailable("the file is not here yet", cid=cid)
        return self._connection.fetch(cid, start, stop)

    def _due(self, facts: RoundFacts) -> frozenset[bytes]:
        """The points of the round's members with a mask key."""
        registered = ((one.index, one.key) for one in self._connection.history.mask_keys)
        return frozenset(point for index, point in sound_keys(registered).items() if index in facts.round.keys)

    def _stand_in(self, facts: RoundFacts, keys: Mapping[bytes, ContentKey]) -> bool:
        """Make the slips that this member owes, or that others' are garbage of; whether there were any."""
        due, made, me = self._due(facts), False, self._signer.address
        garbage = {name for name, author in self.reader.bad if author != me}
        for cid, key in keys.items():
            if key.name.party != me and key.name not in garbage:
                continue
            own = next((kept for kept in self.drawer.of(key.name, cid) if kept.author == me), None)
            have = own.slips.packets.keys() if own is not None else frozenset[bytes]()
            if due - have:
                self._put(key, cid, due | have)
                made = True
        return made

    def _put(self, key: ContentKey, cid: bytes, readers: Collection[bytes]) -> None:
        made = make_slips(key, cid, readers)
        self.drawer.put(made.encode() + self._signer.sign_typed_data(*made.to_sign()))

    def forget(self, job: int, present: int) -> None:
        """Forget a job's rounds but the present one."""
        self._errands.forget(lambda name: name[1] == job and name[2] != present)

    def due_in(self, rounds: Collection[tuple[int, int]]) -> list[float]:
        """Seconds until something of these rounds, (job, round), is shown or asked for again."""
        others = self._visits.others()
        return self._errands.due_in(lambda name: name[1:3] in rounds and name[3] in others)

    def failed(self) -> Mapping[Name, FedledgerError]:
        """What went wrong last, and where."""
        return self._errands.failed()

    def settle(self, seconds: float) -> bool:
        """Wait for what is under way, no longer than `seconds`; whether there was anything."""
        return self._errands.settle(seconds)

    def close(self) -> None:
        """End what is under way, in the middle of a request too."""
        self._visits.close()
        self._errands.close(CLOSING)

    def _name(self, kind: str, facts: RoundFacts, member: int) -> Name:
        return kind, facts.round.job, facts.round.number, member

    def _show(self, member: int, gateway: NamedGateway, facts: RoundFacts, mine: Collection[bytes]) -> None:
        """In a thread of its own."""
        for data in mine:
            self._visits.to("talk", member, gateway).show_slips(facts.round.job, facts.round.number, data)

    def _ask(self, member: int, gateway: NamedGateway, roll: Roll) -> None:
        """In a thread of its own: what does not fit the round is left out."""
        new = False
        for data in self._visits.to("talk", member, gateway).slips(roll.job, roll.round):
            with suppress(Malformed, UsageError):
                new = take_slips(self.drawer, roll, data) or new
        if new:
            self._connection.follower.nudge()


def take_slips(drawer: Drawer, roll: Roll, data: bytes) -> bool:
    """Keep what another member hands over of a round, slips or an erasure; whether it was new.

    Only members of the round are heard, about updates that are open: raises UsageError for anything else, so that it is
    handed over again, Malformed for what is not in its form, Unavailable where the disk does not take it.
    """
    if data.startswith(erasure.MAGIC):
        said = erasure.read_erasure(data)
        _require_fit(said.name, said.cid, roll)
        if drawer.erased(said.name, said.cid):
            return False
        drawer.erase(data)
        return True
    slips, author = read_slips(data)
    _require_fit(slips.name, slips.cid, roll)
    if author not in roll.keys.values():
        raise UsageError("only members of the round make slips", author=author)
    return drawer.take(data)


def _require_fit(name: UpdateName, cid: bytes, roll: Roll) -> None:
    if not _fits(name, cid, roll):
        raise UsageError("these slips are of no update that is open here and now", party=name.party)


def _fits(name: UpdateName, cid: bytes, roll: Roll) -> bool:
    index = next((index for index, key in roll.keys.items() if key == name.party), -1)
    place = (roll.chain, roll.ledger, roll.job, roll.round)
    return tuple(name.round) == place and roll.opened.get(index) == cid


class DrawerDesk:
    """A home's slips, as its gateway serves them and takes them in (`ledger.party.sharing.desk.SlipDesk`)."""

    def __init__(self, folder: Path) -> None:
        self._drawer = Drawer(folder)

    def known(self, job: int, round_: int) -> bytes:
        """See `SlipDesk.known`."""
        return b"".join(self._drawer.files(job, round_))

    def take(self, roll: Roll, data: bytes) -> bool:
        """See `SlipDesk.take`."""
        return take_slips(self._drawer, roll, data)


def gather_slips(connection: Connection, drawer: Drawer, facts: RoundFacts) -> None:
    """Put into `drawer` what the members' gateways have of a round's slips: for an auditor, who exchanges nothing.

    It does not matter who made them: a slip that opens is right. What does not answer, or not in its form, is left out.
    """
    members = [one for one in connection.history.members.values() if one.gateway]
    for gateway in announced_gateways(connection.network, members):
        with suppress(FedledgerError):
            visit = Visit(gateway)
            try:
                files = visit.slips(facts.round.job, facts.round.number)
            finally:
                visit.close()
            for data in files:
                with suppress(Malformed, UsageError):
                    _keep(drawer, facts.roll, data)


def _keep(drawer: Drawer, roll: Roll, data: bytes) -> None:
    if data.startswith(erasure.MAGIC):
        said = erasure.read_erasure(data)
        if _fits(said.name, said.cid, roll):
            drawer.erase(data)
    else:
        slips, _ = read_slips(data)
        if _fits(slips.name, slips.cid, roll):
            drawer.take(data)
