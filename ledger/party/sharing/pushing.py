"""Outgoing connections are enough: what a member that nobody can dial does so that others have its bytes, and what all
members do so that everyone knows who has which. The workers of node and aggregator have one `Sharing`, and call it in
the thread that decides; nothing here makes that thread wait.

    sharing = Sharing(connection, signer, settings)       beside the connection; `close` before it
    sharing.offer(facts)                                  in each look at a round with opened updates
    sharing.said(facts, held)                             once bytes of updates are in the own store, by member index
    sharing.look(facts)                                   in each look at a round under way: hear what others said
    sharing.receipts(facts)                               what an aggregate's receipts file is made of, and who has what
    sharing.settle(seconds)                               wait for what is under way, as `Copies.settle`

`offer` does nothing in a home whose store is `reachable`: others fetch from its gateway. To be called again and again,
they begin what is due and return. What goes wrong at one gateway is tried again after a pause, until the round is over;
`failed` says what it is now.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypedDict

from ledger.config import Home, HomeSettings
from ledger.errors import FedledgerError
from ledger.formats.cid import Cid
from ledger.formats.typed import TypedData
from ledger.party.connection import Connection
from ledger.party.named_gateways import NamedGateway
from ledger.party.sharing.circle import later_among
from ledger.party.sharing.desk import authorization
from ledger.party.sharing.errands import LATER, Errands, Name
from ledger.party.sharing.haves import Haves
from ledger.party.sharing.hop import told_until, told_within
from ledger.party.sharing.owed import Owed, receipts_in, updates_in
from ledger.party.sharing.times import BlockTimes
from ledger.party.sharing.visits import Visit, Visits
from ledger.rounds.facts import RoundFacts
from ledger.rounds.receipts import Roll, SignedHave, grace, marks
from ledger.store import Unreachable

if TYPE_CHECKING:
    from ledger.keys import Signer

CLOSING = 5.0
"""Seconds that closing leaves to what is under way."""


class SharingOptions(TypedDict, total=False):
    """`later` is how many seconds the longer ways are left unused, so that the shorter ones may do. `counts` is whether
    each signature that is heard is looked at: an aggregator waits for them.
    """

    later: float
    counts: bool


class Sharing:
    """One member's pushes and Haves. What it remembers only spares work: after a crash it asks again."""

    def __init__(
        self,
        connection: Connection,
        signer: "Signer",
        settings: HomeSettings,
        later: float = LATER,
        *,
        counts: bool = True,
    ) -> None:
        self._connection, self._signer, self._counts = connection, signer, counts
        self.pushes = not settings.store.reachable
        self._times = BlockTimes(connection)
        self._haves = Haves(Home(connection.folder).haves, signer)
        self._errands, self.later = Errands(), later
        self._sent: dict[Name, dict[Cid, Counter[Cid]]] = {}
        self._there: dict[Name, set[Cid]] = {}  # files that are there, by push
        self._visits = Visits(connection, signer.address)
        self._forgot: dict[int, tuple[int, bool]] = {}
        self._complete: dict[int, tuple[Roll, tuple[SignedHave, ...], bool]] = {}
        self._shown: dict[Name, frozenset[SignedHave]] = {}  # own messages that a gateway showed, by errand that hears

    def offer(self, facts: RoundFacts) -> None:
        """Push what this member owes in a round to every member that announces a gateway, where it must: its update,
        those that it signed for, and receipts of its own. Nobody could fetch them from here, and those that are to keep
        an update may be its author's friends.
        """
        if not self.pushes:
            return
        receipts = [owed for owed in receipts_in(facts.round, facts.masks) if owed.party == self._signer.address]
        over = facts.round.phase.terminal
        files = receipts if over else self._own(facts) + self._others_files(facts) + receipts
        for member, gateway in self._visits.others().items():
            self._begin(self._name("push", facts, member), gateway, files, facts.roll)

    def offer_setups(self, job: int, owed: Mapping[Owed, Roll]) -> None:
        """Push the own set-up files of a job in the same way, each under the number of its segment's first round."""
        rounds = {file.round for file in owed}
        self._errands.forget(lambda name: name[:2] == ("setup", job) and name[2] not in rounds)
        for member, gateway in self._visits.others().items() if self.pushes else ():
            for file, roll in owed.items():
                self._begin(("setup", job, file.round, member), gateway, [file], roll)

    def _begin(self, name: Name, gateway: NamedGateway, files: Collection[Owed], roll: Roll) -> None:
        there, sent = self._there.setdefault(name, set()), self._sent.setdefault(name, {})
        left = {owed: sent.setdefault(owed.file, Counter()) for owed in files if owed.file not in there}
        if left:
            to = partial(self._visits.to, name[0], name[-1], gateway)
            self._errands.start(name, partial(self._push, to, left, there, roll), repeat=True)

    def said(self, facts: RoundFacts, held: Collection[int]) -> None:
        """Sign, once, that the own store holds the updates of these members, and tell the others at once.

        Raises as `Signer.sign_typed_data`.
        """
        roll = facts.roll
        before = self._haves.known(roll)
        self._haves.say(roll, held, self._connection.follower.tip.number)
        if self._haves.known(roll) != before:
            others = self._visits.others()
            self._errands.soon([self._name(kind, facts, member) for member in others for kind in ("tell", "push")])
        self.look(facts)

    def signed(self, facts: RoundFacts) -> frozenset[int]:
        """The members whose updates this member signed for, on this branch of the chain."""
        return self._haves.signed(facts.roll)

    def signers(self, facts: RoundFacts, author: int) -> list[int]:
        """The members that signed for an author's update, as far as is known here."""
        return sorted({one.member for one in self._haves.known(facts.roll) if one.updates >> author & 1})

    def tally(self, roll: Roll) -> Counter[int]:
        """How many members signed for each update of a round, by its author's index, as far as is known here."""
        return tally(self._haves.known(roll))

    def look(self, facts: RoundFacts) -> None:
        """Tell every gateway what this member said of a round, the opener's at once, and hear what they know: those of
        the own circle soon, the others, one after another, while time is left in which it must have spread. Once this
        member knows a certificate for every update, it hears no more. It goes on to tell everybody: who knows less may
        not be able to ask it, and some of its circle may be down, or keep what they were told to themselves.
        """
        roll, opener = facts.roll, facts.round.opener_index
        self.forget(roll.job, roll.round)
        mine = [one for one in self._haves.known(roll) if roll.keys.get(one.member) == self._signer.address]
        others, near = self._visits.others(), self._visits.circle()
        complete = self._is_complete(facts)
        if complete:
            self._errands.forget(lambda name: name[:3] == ("hear", roll.job, roll.round))
        first = told_within(facts.job.terms.aggregate_seconds, self.later)
        last, later = told_until(facts.job.terms.aggregate_seconds, first), later_among(len(others), self.later, first)
        for place, (member, gateway) in enumerate(self._visits.around(others)):
            after = later if member in near else first + (last - first) * place / len(others)
            name = self._name("hear", facts, member)
            if not complete:  # begun before it is told: it may have heard from others
                hear = partial(self._hear, name, gateway, roll)
                self._errands.start(name, hear, repeat=True, after=after)
            if mine:
                tell = partial(self._tell, name, gateway, roll, mine)
                self._errands.start(self._name("tell", facts, member), tell, after=0.0 if member == opener else after)

    def _is_complete(self, facts: RoundFacts) -> bool:
        """Whether a certificate is known here for every update that the round opened, old enough to oppose any
        aggregate that may be opposed: whatever else members said changes nothing.
        """
        roll, known = facts.roll, self._haves.known(facts.roll)
        about, seen, complete = self._complete.get(roll.job, (None, (), False))
        if about == roll and seen == known:
            return complete
        try:
            complete = all_certified(known, roll) and all_certified(self._old_enough(facts, known), roll)
        except FedledgerError:  # it is asked again at the next look
            return False
        self._complete[roll.job] = roll, known, complete
        return complete

    def _old_enough(self, facts: RoundFacts, known: Collection[SignedHave]) -> list[SignedHave]:
        """Those of messages that oppose any aggregate that may be opposed. Raises as `BlockTimes.of`."""
        opened = facts.round.opened_in
        if (time := self._times.of(opened)) is None:
            return []
        last = self._times.last_by(time + grace(facts.job.terms.aggregate_seconds), opened)
        return [one for one in known if one.block <= last]

    def forget(self, job: int, present: int, *, over: bool = False) -> None:
        """Forget a job's rounds but the latest, and of that all but pushes where it is `over`; once for each."""
        if self._forgot.get(job) == (present, over):
            return
        self._forgot[job] = present, over

        def gone(name: Name) -> bool:
            if name[0] == "setup":
                return False
            return name[1] == job and (name[2] != present or (over and name[0] != "push"))

        self._errands.forget(gone)
        self._sent = {name: sent for name, sent in self._sent.items() if not gone(name)}
        self._there = {name: there for name, there in self._there.items() if not gone(name)}
        self._shown = {name: shown for name, shown in list(self._shown.items()) if not gone(name)}

    def receipts(self, facts: RoundFacts, *, by: int | None = None) -> tuple[SignedHave, ...]:
        """What members said of a round; with `by`, as of blocks no later than that.

        `by` is in seconds since 1970 by the chain's clock: to oppose an aggregate, see
        `receipts.signed_in_time`. Raises Unavailable where the chain's node does not answer.
        """
        known = self._haves.known(facts.roll)
        if by is None:
            return known
        self._times.learn(one.block for one in known)
        return tuple(one for one in known if (time := self._times.of(one.block)) is not None and time <= by)

    def pushed(self, facts: RoundFacts) -> list[str]:
        """The gateways that have all of this member's own update of a round, by name."""
        own = {owed.file for owed in self._own(facts)}
        there = {member: self._there.get(self._name("push", facts, member), set()) for member in self._visits.others()}
        return [self._connection.history.name(member) for member, files in there.items() if own and own <= files]

    def due_in(self, rounds: Collection[tuple[int, int]]) -> list[float]:
        """Seconds until something of these rounds, (job, round), is told, heard or pushed again."""
        others = self._visits.others()
        return self._errands.due_in(lambda name: name[1:3] in rounds and name[3] in others)

    def failed(self) -> dict[Name, FedledgerError]:
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

    def _own(self, facts: RoundFacts) -> list[Owed]:
        me = self._index()
        return [owed for owed in updates_in(facts.round, facts.job) if owed.update == me]

    def _others_files(self, facts: RoundFacts) -> list[Owed]:
        """What others made and this member signed for."""
        signed, owed, me = self.signed(facts), updates_in(facts.round, facts.job), self._index()
        return [one for one in owed if one.update in signed and one.update != me]

    def _index(self) -> int:
        """This member's number, under any key that it had; -1 where it is none."""
        member = self._connection.history.member_of(self._signer.address)
        return -1 if member is None else member.index

    def _push(self, to: Callable[[], Visit], left: Mapping[Owed, Counter[Cid]], there: set[Cid], roll: Roll) -> None:
        """In a thread of its own: one after another, and what goes wrong with one file holds up no other."""
        failed: FedledgerError | None = None
        for owed, sent in left.items():
            try:
                self._push_file(to(), owed, sent, roll)
                there.add(owed.file)
            except Unreachable:
                raise
            except FedledgerError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def _push_file(self, visit: Visit, owed: Owed, sent: Counter[Cid], roll: Roll) -> None:
        store = self._connection.store or self._connection.holders
        signed = visit.push(owed, authorization(self._sign, roll, owed), store, sent)
        if signed is not None:
            self._take(roll, [signed])

    def _sign(self, parts: TypedData) -> bytes:
        return self._signer.sign_typed_data(*parts)

    def _tell(self, heard: Name, gateway: NamedGateway, roll: Roll, mine: Collection[SignedHave]) -> None:
        """In a thread of its own: what the gateway did not show, when it was asked."""
        shown = self._shown.get(heard, frozenset())
        for one in mine:
            if one not in shown:
                self._visits.to("talk", heard[-1], gateway).tell(roll.job, roll.round, one)

    def _hear(self, name: Name, gateway: NamedGateway, roll: Roll) -> None:
        """In a thread of its own."""

        def take(roll: Roll, said: Sequence[SignedHave]) -> None:
            self._shown[name] = frozenset(one for one in said if roll.keys.get(one.member) == self._signer.address)
            self._take(roll, said)

        self._visits.to("talk", name[-1], gateway).hear(roll, take)

    def _take(self, roll: Roll, said: Iterable[SignedHave]) -> None:
        """What is new is looked at soon where this role counts it; others pass it on, and look when it is due."""
        if self._haves.take(roll, said) and self._counts:
            self._connection.follower.nudge()


def tally(said: Iterable[SignedHave]) -> Counter[int]:
    """How many members signed for each update, by its author's index."""
    signed: defaultdict[int, int] = defaultdict(int)
    for one in said:
        signed[one.member] |= one.updates
    return Counter(index for updates in signed.values() for index in marks(updates))


def all_certified(said: Iterable[SignedHave], roll: Roll) -> bool:
    """Whether messages that count make a certificate for each update that a round opened."""
    signers = tally(said)
    return bool(roll.opened) and all(signers[index] >= roll.needed for index in roll.opened)
