"""A member's slips on their way to the other members' gateways, and theirs on their way here.

Slips are made once a round's updates are open, for every member with a mask key. Who cannot be dialled shows its own
slips, and asks for the others': so outgoing connections are enough.
"""

import threading
from collections import OrderedDict
from collections.abc import Collection, Hashable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.errors import FedledgerError, Malformed, Unavailable, UsageError
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.formats.digest import sha256
from ledger.masks.keys import point_of
from ledger.masks.segment import sound_keys
from ledger.party.connection import Connection
from ledger.party.named_gateways import NamedGateway, announced_gateways
from ledger.party.seals.checks import SlipChecks
from ledger.party.seals.drawer import Drawer
from ledger.party.seals.reader import SealReader, mask_keys_of
from ledger.party.seals.renewal import Renewal
from ledger.party.sharing.desk import KnownSlips
from ledger.party.sharing.errands import LATER, Errands, Name
from ledger.party.sharing.visits import Visit, Visits
from ledger.rounds.facts import RoundFacts
from ledger.rounds.receipts import Roll
from ledger.seals import erasure
from ledger.seals.bundles import MOST as MOST_BYTES
from ledger.seals.keyring import BadSlips
from ledger.seals.keys import ContentKey, UpdateName
from ledger.seals.slips import MOST, make_slips, read_slips

if TYPE_CHECKING:
    from ledger.keys import Signer

CLOSING = 5.0
"""Seconds that closing leaves to what is under way."""
KNOWN = 2
"""Rounds whose bundle, of 32 MiB at most, a gateway keeps in memory."""


class SlipErrands:
    """One home's slips. What it remembers only spares work: after a crash it shows and asks again."""

    def __init__(self, connection: Connection, signer: "Signer") -> None:
        self._connection, self._signer = connection, signer
        self.drawer, self.reader = Drawer(connection.folder), SealReader(connection.folder)
        self.renewal = Renewal(self.drawer, signer, self._here)
        self._checks = SlipChecks(self.drawer, connection.follower.nudge)
        self._errands, self._visits = Errands(), Visits(connection, signer.address)
        self._named: set[tuple[UpdateName, str]] = set()

    @property
    def bad(self) -> dict[tuple[UpdateName, str], BadSlips]:
        """Slips that turned out to be garbage, for this home's keys or others', by update and author."""
        return self.reader.bad | self._checks.bad

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

        Where a member's slips are garbage for another, or leave one out that had a mask key before the round, this one
        makes slips of that update, too; so it does of its own for a member that has a mask key by now. To be called
        again while the round is under way. Raises as `SealReader.open`, and Unavailable where the disk does not take
        slips.
        """
        self.forget(facts.round.job, facts.round.number)
        for update in facts.round.updates.values():
            if update.party == self._signer.address:
                self.make(facts, update.cid)
        opened = self.reader.open(facts, self._here)
        keys = {cid: key for cid, key in opened.keys.items() if isinstance(key, ContentKey)}
        self._checks.look(keys)
        others = self._visits.others()
        if self._stand_in(facts, keys):
            self._errands.soon([self._name("show-slips", facts, member) for member in others])
        known = self.drawer.files(facts.round.job, facts.round.number, self._signer.address)
        mine = [data for data in known if not data.startswith(erasure.MAGIC)]
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
        registered = [(one.index, one.key) for one in self._connection.history.mask_keys]
        return frozenset(point for index, point in sound_keys(registered).items() if index in facts.round.keys)

    def _stand_in(self, facts: RoundFacts, keys: Mapping[bytes, ContentKey]) -> bool:
        """Make the slips that this member owes, and those that others' are garbage of or leave out; whether there were
        any. Of others' updates nothing is made for keys of this very round: every member would, beside their party; nor
        before their slips were looked at.
        """
        due, made, me = self._due(facts), False, self._signer.address
        known = self._connection.history.mask_keys
        early = due & {one.key for one in known if one.block < facts.round.block}
        garbage = {name for name, author in self.bad if author != me}
        for cid, key in keys.items():
            owed = key.name.party == me or key.name in garbage
            covered = self._checks.covered(key.name, cid)
            lacking = due if owed else early - covered if covered is not None else frozenset[bytes]()
            if not lacking:
                continue
            own = self.drawer.by(key.name, cid, me)
            have = own.packets.keys() if own is not None else frozenset[bytes]()
            if lacking - have:
                self._put(key, cid, lacking | have if len(lacking | have) <= MOST else lacking)
                made = True
        return made

    def _put(self, key: ContentKey, cid: bytes, readers: Collection[bytes]) -> None:
        made = make_slips(key, cid, readers)
        self.drawer.put(made.encode() + self._signer.sign_typed_data(*made.to_sign()))

    def forget(self, job: int, present: int) -> None:
        """Forget a job's rounds but the present one, and the keys of their updates."""
        self.reader.forget(job, present)
        self._checks.forget(job, present)
        self._errands.forget(lambda name: name[1] == job and name[2] != present)

    def due_in(self, rounds: Collection[tuple[int, int]]) -> list[float]:
        """Seconds until something of these rounds, (job, round), is shown or asked for again."""
        others = self._visits.others()
        return self._errands.due_in(lambda name: name[1:3] in rounds and name[3] in others)

    def garbage(self) -> list[BadSlips]:
        """Slips that turned out to be garbage, and were not named here before."""
        bad = self.bad
        new = [one for where, one in bad.items() if where not in self._named]
        self._named |= bad.keys()
        return new

    def failed(self) -> Mapping[Name, FedledgerError]:
        """What went wrong last, and where."""
        return self._errands.failed()

    def settle(self, seconds: float) -> bool:
        """Wait for what is under way, no longer than `seconds`; whether there was anything."""
        checked = self._checks.settle(seconds)
        return self._errands.settle(seconds) or checked

    def close(self) -> None:
        """End what is under way, in the middle of a request too."""
        self._visits.close()
        self._errands.close(CLOSING)
        self._checks.close(CLOSING)

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
    """Keep slips that another member hands over of a round under way; whether they were new.

    Only members of the round are heard, about updates that are open: raises UsageError for anything else, so that it is
    handed over again, Malformed for what is not in its form, Unavailable where the disk does not take it. No erasure is
    heard: whose update is certified would take it from those who are to add it up, and no aggregate could be made.
    """
    if data.startswith(erasure.MAGIC):
        raise UsageError("an update of a round under way is not erased: its members are to add it up")
    slips, _ = read_slips(data, roll.keys.values())
    _require_fit(slips.name, slips.cid, roll)
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
        self._drawer, self._looking = Drawer(folder), threading.Lock()
        self._known = OrderedDict[tuple[int, int], tuple[Hashable, KnownSlips]]()

    def known(self, job: int, round_: int) -> KnownSlips:
        """See `SlipDesk.known`. Read and hashed once, until something of the round changes."""
        with self._looking:
            stamp, place = self._drawer.stamp(job, round_), (job, round_)
            before = self._known.pop(place, None)
            if before is None or before[0] != stamp:
                before = stamp, self._read(*place)
            self._known[place] = before
            while len(self._known) > KNOWN:
                self._known.popitem(last=False)
        return before[1]

    def _read(self, job: int, round_: int) -> KnownSlips:
        taken, left = list[bytes](), MOST_BYTES
        for data in self._drawer.files(job, round_):
            if len(data) <= left:
                taken.append(data)
                left -= len(data)
        bundle = b"".join(taken)
        return KnownSlips(bundle, sha256(bundle))

    def take(self, roll: Roll, data: bytes) -> bool:
        """See `SlipDesk.take`."""
        return take_slips(self._drawer, roll, data)


def gather_slips(connection: Connection, drawer: Drawer, facts: RoundFacts) -> None:
    """Put into `drawer` what the members' gateways have of a round's slips: for an auditor, who exchanges nothing.

    It does not matter which member made them: a slip that opens is right. What is by others is left out, since keys are
    made up at will, and so much of one gateway would leave no room; so is what does not answer, or not in its form.
    """
    everyone = connection.history.members.values()
    authors = frozenset(key for one in everyone for key in one.keys)
    members = [one for one in everyone if one.gateway]
    for gateway in announced_gateways(connection.network, members):
        with suppress(FedledgerError):
            visit = Visit(gateway)
            try:
                files = visit.slips(facts.round.job, facts.round.number)
            finally:
                visit.close()
            for data in files:
                with suppress(Malformed, UsageError):
                    _keep(drawer, facts.roll, authors, data)


def _keep(drawer: Drawer, roll: Roll, authors: Collection[str], data: bytes) -> None:
    if data.startswith(erasure.MAGIC):
        said = erasure.read_erasure(data)
        if _fits(said.name, said.cid, roll):
            drawer.erase(data)
    else:
        slips, _ = read_slips(data, authors)
        if _fits(slips.name, slips.cid, roll):
            drawer.take(data)
