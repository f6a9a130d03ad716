"""Outgoing connections are enough: what a member that nobody can dial does so that others have its bytes, and what all
members do so that everyone knows who has which. The workers of node and aggregator have one `Sharing`, and call it in
the thread that decides; nothing here makes that thread wait.

    sharing = Sharing(connection, signer, settings)       beside the connection; `close` before it
    sharing.offer(facts)                                  in each look at a round with this member's own update opened
    sharing.said(facts, held)                             once bytes of updates are in the own store, by member index
    sharing.look(facts)                                   in each look at a round under way: hear what others said
    sharing.receipts(facts)                               what an aggregate's receipts file is made of, and who has what
    sharing.settle(seconds)                               wait for what is under way, as `Copies.settle`

`offer` does nothing in a home whose store is `reachable`: others fetch from its gateway. To be called again and again,
they begin what is due and return. What goes wrong at one gateway is tried again after a pause, until the round is over;
`failed` says what it is now.
"""

import threading
from collections import Counter
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING

from ledger.config import Home, HomeSettings
from ledger.errors import FedledgerError
from ledger.formats.cid import Cid
from ledger.formats.typed import TypedData
from ledger.party.connection import Connection
from ledger.party.named_gateways import NamedGateway, announced_gateways
from ledger.party.sharing.branch import Branch
from ledger.party.sharing.desk import authorization
from ledger.party.sharing.duties import Anchor, Owed
from ledger.party.sharing.errands import Errands, Name
from ledger.party.sharing.haves import Haves
from ledger.party.sharing.visits import Visit
from ledger.rounds.facts import RoundFacts
from ledger.rounds.receipts import Roll, SignedHave

if TYPE_CHECKING:
    from ledger.keys import Signer

CLOSING = 5.0
"""Seconds that closing leaves to what is under way."""


class Sharing:
    """One member's pushes and Haves. What it remembers only spares work: after a crash it asks again."""

    def __init__(self, connection: Connection, signer: "Signer", settings: HomeSettings) -> None:
        self._connection, self._signer = connection, signer
        self._pushes = not settings.store.reachable
        self._branch = Branch(connection)
        self._haves = Haves(Home(connection.folder).haves, signer, self._branch.lost)
        self._errands = Errands()
        self._sent: dict[Name, Counter[Cid]] = {}
        self._visits: dict[tuple[str, NamedGateway], Visit] = {}
        self._lock = threading.Lock()

    def offer(self, facts: RoundFacts) -> None:
        """Push this member's own update of a round to every member that announces a gateway, where it must."""
        own = [entry for entry in facts.entries if entry.update.party == self._signer.address]
        if not self._pushes or not own:
            return
        entry, roll = own[0], self._roll(facts)
        owed = Owed(facts.round.job, facts.round.number, entry.update.index, entry.cid, facts.size)
        for gateway in self._others():
            name = ("push", owed.job, owed.round, gateway)
            sent = self._sent.setdefault(name, Counter())
            self._errands.start(name, partial(self._push, gateway, owed, roll, self._tip(), sent))

    def said(self, facts: RoundFacts, held: Collection[int]) -> None:
        """Sign, once, that the own store holds the updates of these members, and tell the others at once.

        Raises as `Signer.sign_typed_data`.
        """
        roll = self._roll(facts)
        before = self._haves.known(roll)
        self._haves.say(roll, held, self._tip())
        if self._haves.known(roll) != before:
            self._errands.soon([self._name(facts, gateway) for gateway in self._others()])
        self.look(facts)

    def signed(self, facts: RoundFacts) -> frozenset[int]:
        """The members whose updates this member signed for, on this branch of the chain."""
        return self._haves.signed(self._roll(facts))

    def look(self, facts: RoundFacts) -> None:
        """Hear what every gateway knows of a round, and tell it what this member said, where that is due."""
        roll = self._roll(facts)
        self.forget(roll.job, roll.round)
        for gateway in self._others():
            work = partial(self._exchange, gateway, roll, self._tip())
            self._errands.start(self._name(facts, gateway), work, repeat=True)

    def forget(self, job: int, present: int) -> None:
        """Forget a job's rounds but the present one: 0 where none is under way."""

        def over(name: Name) -> bool:
            return name[1] == job and name[2] != present

        self._errands.forget(over)
        self._sent = {name: sent for name, sent in self._sent.items() if not over(name)}

    def receipts(self, facts: RoundFacts, *, by: int | None = None) -> tuple[SignedHave, ...]:
        """What members said of a round, as far as the blocks that they name are on this chain, and no later than `by`.

        `by` is in seconds since 1970 by the chain's clock: to oppose an aggregate, see
        `receipts.signed_in_time`. Raises Unavailable where the chain's node does not answer.
        """
        known = self._haves.known(self._roll(facts))
        return tuple(one for one in known if (seen := self._branch.block(one)) and (by is None or seen.time <= by))

    def pushed(self, facts: RoundFacts) -> list[str]:
        """The gateways that have all of this member's own update of a round, by name."""
        where = facts.round.job, facts.round.number
        return [one.name for one in self._others() if self._errands.done(("push", *where, one))]

    def failed(self) -> dict[Name, FedledgerError]:
        """What went wrong last, and where."""
        return self._errands.failed()

    def settle(self, seconds: float) -> bool:
        """Wait for what is under way, no longer than `seconds`; whether there was anything."""
        return self._errands.settle(seconds)

    def close(self) -> None:
        """End what is under way, in the middle of a request too."""
        with self._lock:
            visits, self._visits = list(self._visits.values()), {}
        for visit in visits:
            visit.close()
        self._errands.close(CLOSING)

    def _roll(self, facts: RoundFacts) -> Roll:
        return facts.roll

    def _tip(self) -> Anchor:
        seen = self._connection.follower.tip
        return Anchor(seen.number, seen.hash)

    def _others(self) -> tuple[NamedGateway, ...]:
        members = self._connection.history.members.values()
        others = [member for member in members if member.key != self._signer.address]
        return announced_gateways(self._connection.network, others)

    def _name(self, facts: RoundFacts, gateway: NamedGateway) -> Name:
        return "have", facts.round.job, facts.round.number, gateway

    def _visit(self, kind: str, gateway: NamedGateway) -> Visit:
        """The connection to a gateway for one kind of errand: what is said does not wait for bytes."""
        with self._lock:
            if (kind, gateway) not in self._visits:
                self._visits[kind, gateway] = Visit(gateway)
            return self._visits[kind, gateway]

    def _push(self, gateway: NamedGateway, owed: Owed, roll: Roll, tip: Anchor, sent: Counter[Cid]) -> None:
        """In a thread of its own."""
        store = self._connection.store or self._connection.holders
        signed = self._visit("push", gateway).push(owed, authorization(self._sign, roll, owed), store, sent)
        if signed is not None:
            self._haves.take(roll, [signed], tip)

    def _sign(self, parts: TypedData) -> bytes:
        return self._signer.sign_typed_data(*parts)

    def _exchange(self, gateway: NamedGateway, roll: Roll, tip: Anchor) -> None:
        """In a thread of its own."""
        visit = self._visit("have", gateway)
        theirs = visit.haves(roll.job, roll.round)
        self._haves.take(roll, theirs, tip)
        for one in self._haves.known(roll):
            if roll.keys.get(one.member) == self._signer.address and one not in theirs:
                visit.tell(roll.job, roll.round, one)
