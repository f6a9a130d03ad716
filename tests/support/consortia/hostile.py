"""A hostile member in tests: it acts by the contracts and by other members' gateways alone, and by no rule.

What it does in a round is a `Deed`. Everything that it signs is its own; what it knows of others it was shown.
"""

import http.client
import secrets
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from typing import NamedTuple
from urllib.parse import urlsplit

import numpy as np
from support.consortia.synthetic import Trial, artifact
from support.content.holders import Memory
from support.kept import Kept

from ledger.errors import Rejected, Unavailable
from ledger.events.records import Form
from ledger.formats.claims import Claimed, claim_of, pack_openings
from ledger.formats.digest import sha256
from ledger.formats.merkle import root_of
from ledger.history.phases import present
from ledger.history.state import Phase, Round
from ledger.party.named_gateways import NamedGateway, announced_gateways
from ledger.party.pins import update_pin
from ledger.party.sharing.desk import authorization
from ledger.party.sharing.owed import Owed
from ledger.party.sharing.visits import Visit
from ledger.rounds.outcome import recompute
from ledger.rounds.receipts import bitmap_of, certified, encode, merged
from ledger.store.embedded import Embedded
from ledger.store.maintenance import collect

UPDATES = ("honest", "silent", "unopened", "withheld", "promised", "to a friend", "overlong")
"""How it takes part: "promised" is withheld, and signed for beside all others that it lacks."""
LIES = ("false model", "wrong head", "own bytes")
TURNS = ("", "leaves", *LIES, "lost receipts", "shuts out", "shuts out late", "right")
"""What it makes of a round that it opens; "" leaves the round to the honest. "own bytes" counts what only it has."""
WORDS = ("", "other claim", "copied witness", "missing")
"""What it says of others' aggregates; "missing" of bytes that it has."""

JUNK = (("POST", "opening", 120), ("POST", "have", 135), ("PUT", "push", 1000), ("GET", "..", 0), ("JUNK", "have", 9))
"""Methods, paths and bytes of requests without sense."""


class Deed(NamedTuple):
    """What it does in one round; `junk` goes to every gateway, and a key that `rotates` does so between the phases."""

    update: str = "honest"
    turn: str = ""
    word: str = ""
    junk: bool = False
    rotates: bool = True


class Hostile:
    """Member `index` of a trial, driven look by look, as the honest are."""

    def __init__(self, trial: Trial, index: int) -> None:
        self.trial, self.party = trial, trial.parties[index]
        self.deed, self.number, self.until = Deed(), 0, 0
        self.keys = [self.party.sender.address]
        self.refused: list[str] = []
        self._done: set[tuple[int, str]] = set()

    def begin(self, deed: Deed) -> None:
        """From now on do that. It opens the round itself where it wants a turn, as soon as its strikes allow."""
        self.deed, self.number, self.until = deed, len(self.trial.state.rounds) + 1, 0
        if not deed.turn:
            return
        trial, party = self.trial, self.party
        state, client = trial.state, party.connection.client
        wait = min(state.strikes.get(party.index, 0), 8) * state.terms.aggregate_seconds
        ready = client.course(state.number).ended_at + wait
        if ready >= client.latest().time:
            trial.until(ready + 1)
        self._send("openRound", state.number)

    def look(self) -> bool:
        """One look; whether it did anything."""
        self.party.look()
        round_ = self.trial.state.current
        if round_ is None or round_.number != self.number:
            return False
        phase = self.trial.phase
        if phase in (Phase.OPENING, Phase.AGGREGATING):
            self.party.exchange.sharing.look(self.party.facts)
        if self.deed.junk:
            self._once("junk", self._push_junk)
        steps = {
            Phase.COLLECTING: self._collecting,
            Phase.OPENING: self._opening,
            Phase.AGGREGATING: self._aggregating,
            Phase.ATTESTING: self._speaking,
        }
        acted = steps.get(phase, self._end)(round_)
        if acted:
            self.party.look()  # as a node does: its gateway knows what it has just done before others tell it more
        return acted

    def settle(self, seconds: float) -> bool:
        return self.party.exchange.settle(seconds)

    def _collecting(self, round_: Round) -> bool:
        committed = self.deed.update != "silent" and self._once("commit", self._commit)
        return committed or self._rotate_between(round_)

    def _opening(self, round_: Round) -> bool:
        opening = None if self.deed.update == "unopened" else self.party.opening()
        if opening is not None:
            facts = self.party.facts
            seconds = facts.state.terms.open_seconds / 4
            self.party.exchange.showing.show(facts.name, opening, facts.round.opener_index, seconds)
        return self._rotate_between(round_) or self._open(round_)

    def _aggregating(self, round_: Round) -> bool:
        mine = round_.updates.get(self.party.index)
        if mine is not None and self.deed.update == "promised":
            self._once("promise", self._promise)
        if mine is not None and self.deed.update == "to a friend":
            self._push_to_friend()
        if self.deed.turn in ("", "leaves") or round_.opener_index != self.party.index or round_.attempt:
            return False
        return self._publish_in_turn(round_)

    def _speaking(self, round_: Round) -> bool:
        aggregate = round_.aggregates[-1] if round_.aggregates else None
        if not self.deed.word or aggregate is None or aggregate.index == self.party.index:
            return False
        where, said = (round_.job, round_.number, aggregate.attempt), [a for a in aggregate.attestations if a.agrees]
        if self.deed.word == "copied witness":
            words = (Form.AGREE, aggregate.claim, said[0].detail) if said else None
        elif self.deed.word == "missing":
            words = Form.MISSING, aggregate.claim, bitmap_of(round_.updates).to_bytes(32, "big")
        else:
            words = Form.OTHER, b"\x0b" * 32, aggregate.receipts
        return words is not None and self._once("word", lambda: self._send("attest", *where, *words))

    def _end(self, round_: Round) -> bool:
        spoke = self.deed.word == "copied witness" and self._speaking(round_)
        if self.deed.update == "overlong":
            self._once("withdraw", lambda: self._withdraw(round_.number))
        return spoke or (self.deed.rotates and self._once("rotate", self._rotate))

    def _rotate_between(self, round_: Round) -> bool:
        """Between committing and opening, where it has nothing more to say in the round."""
        idle = self.deed.rotates and not self.deed.word and self.deed.turn in ("", "leaves")
        silent = self.deed.update == "silent"
        committed = self.party.index in round_.commitments
        return idle and (silent or committed) and self._once("rotate", self._rotate)

    def _once(self, what: str, work: Callable[[], object]) -> bool:
        """Do that, once in a round; whether that was now."""
        name = self.trial.round.number, what
        if name in self._done:
            return False
        self._done.add(name)
        work()
        return True

    def _send(self, function: str, *arguments: object) -> None:
        """Send to the ledger; what it refuses is noted."""
        try:
            self.party.sender.send("ledger", function, *arguments)
        except Rejected as error:
            self.refused.append(f"{function}: {error.facts.get('error')}")

    def _commit(self) -> None:
        party, update = self.party, self.deed.update
        values = np.full(self.trial.layout.values, 1 + party.index, "<i4")
        data = artifact(self.trial.layout, party.binding(), values)
        kept = update not in ("withheld", "promised", "to a friend") and self.deed.turn != "own bytes"
        more = b"\0" if update == "overlong" else b""
        party.submit(values, data=data + more, stored=kept, shown=update != "unopened")
        self._bytes, self._author = data, party.member.signer

    def _open(self, round_: Round) -> bool:
        """Its turn: open what it was shown, its own update too where it likes."""
        if self.deed.turn in ("", "leaves") or round_.opener_index != self.party.index:
            return False
        showing, facts = self.party.exchange.showing, self.party.facts
        known, own = dict(showing.known(facts.name, round_)), self.party.index
        if self.deed.update == "unopened":
            known.pop(own, None)
        if not {made.index for made in round_.unopened} - {own} <= known.keys():
            showing.ask(facts.name, round_, facts.state.terms.open_seconds / 8)
            return False
        packed = pack_openings(known[index] for index in sorted(known))
        return self._once("open", lambda: self._send("openUpdates", round_.job, round_.number, packed))

    def _publish_in_turn(self, round_: Round) -> bool:
        """When everybody else's update is certified, or at once, or at the last moment that it may."""
        others = round_.updates.keys() - {self.party.index}
        now = self.party.connection.time()
        if self.deed.turn == "shuts out late":
            deadline = present(round_, self.trial.state.terms, now).deadline
            self.until = deadline - self.trial.state.terms.aggregate_seconds - 5
            if now < self.until:
                return False
        elif self.deed.turn != "shuts out":
            facts = self.party.facts
            if not others <= certified(self.party.exchange.sharing.receipts(facts), facts.roll):
                return False
        return self._once("publish", lambda: self._publish(round_))

    def _publish(self, round_: Round) -> None:
        party, facts, turn = self.party, self.party.facts, self.deed.turn
        receipts = () if turn.startswith("shuts out") else merged(party.exchange.sharing.receipts(facts))
        counted, data = certified(receipts, facts.roll), encode(receipts)
        party.connection.put([data], f"receipts/{round_.number}")
        made = Kept()
        if turn == "own bytes":
            party.connection.put([self._bytes], "own bytes")
            counted |= {party.index}
        outcome = recompute(facts, party.connection.fetch, counted, keep=made)
        if turn == "own bytes":
            self._drop("own bytes")
        said = outcome.claimed(party.standpoint(data, round_.opened_in if turn == "shuts out late" else None))
        said = self._lie(said, made.data)
        claim = claim_of(outcome.round, outcome.opened, said)
        self._send("publishAggregate", round_.job, round_.number, tuple(said), claim)

    def _lie(self, said: Claimed, model: bytes) -> Claimed:
        match self.deed.turn:
            case "false model":
                size = len(model) - 4 * self.trial.layout.values
                values = np.frombuffer(model, "<i4", offset=size).copy()
                values[0] ^= 1
                cid = self.party.connection.put([model[:size], values.tobytes()], "lie")
                return said._replace(root=root_of(values.tobytes()), cid=cid.digest)
            case "wrong head":
                return said._replace(head=sha256(said.head))
            case "lost receipts":
                return said._replace(receipts=sha256(b"never stored"))
        return said

    def _promise(self) -> None:
        """Sign to hold all updates, of which it has fetched none."""
        facts = self.party.facts
        self.party.exchange.sharing.said(facts, facts.round.updates.keys())

    def _push_to_friend(self) -> None:
        """Its bytes go to one member only, as soon as that one takes them."""
        facts, party, memory = self.party.facts, self.party, Memory()
        cid = memory.add(self._bytes)
        job, number = facts.round.job, facts.round.number
        owed = Owed(job, number, party.index, cid, facts.update_size, update_pin(job, number, party.index))
        signed = authorization(lambda parts: self._author.sign_typed_data(*parts), facts.roll, owed)
        visit = Visit(self._gateways()[0])
        with closing(visit), suppress(Unavailable):
            visit.push(owed, signed, memory, Counter())

    def _push_junk(self) -> None:
        """To everyone."""
        where = f"{self.trial.number}/{self.trial.round.number}"
        for gateway in self._gateways():
            url = urlsplit(gateway.url)
            for method, path, size in JUNK:
                connection = http.client.HTTPConnection(str(url.hostname), url.port, timeout=60)
                with closing(connection), suppress(OSError, http.client.HTTPException):
                    connection.request(method, f"/{path}/{where}", secrets.token_bytes(size))
                    connection.getresponse().read()

    def _gateways(self) -> list[NamedGateway]:
        members = self.party.connection.history.members.values()
        others = [member for member in members if member.index != self.party.index]
        return list(announced_gateways(self.party.connection.network, others))

    def _withdraw(self, number: int) -> None:
        self._drop(f"mine/{number}")

    def _drop(self, pin: str) -> None:
        store = self.party.connection.store
        assert isinstance(store, Embedded)
        store.unpin(pin)
        collect(store)

    def _rotate(self) -> None:
        """Another key from now on: all that signs is made again, as in a process that is started again."""
        self.keys.append(self.party.rotate())
