"""A buffered job in virtual time: who is in which buffer, and on which model each update builds.

A client trains on the newest model, for as long as it takes, and commits to the result in the round that collects. It
trains again, once there is a newer model or its round failed, or when what it trains on has become too old: as
`participant.node.ahead` does for a member. Time is counted in thousandths of a typical training, and whatever is drawn
follows from the simulation's seed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from ledger.errors import Malformed, UsageError
from ledger.formats.digest import encode, sha256
from ledger.formats.draws import Draws
from ledger.formats.strict import Strict
from ledger.jobs.document import Job
from ledger.rounds.admission import Verdict
from ledger.rounds.staleness import age_of
from participant.integers.fixed_point import Stream
from participant.simulation.orders import integers, stream
from participant.simulation.rounds import judge
from participant.simulation.training import Batch, Wish

TICKS = 1000
"""Of a typical training."""
LEAST, MOST = 700, 1500
"""Ticks that a training of one client takes, drawn for each."""
OVERHEAD = 50
"""Ticks from the commitment that fills a buffer to the next round: it is opened, published and attested."""

Trains = Callable[[Stream, Sequence[Wish]], Iterator[Batch]]
"""Trains clients from a base model: a batch for each wish, in their order."""


class Slow(NamedTuple):
    """The first `clients` take so many `times` as long as the others."""

    clients: int = 0
    times: int = 1

    @classmethod
    def parse(cls, text: str) -> "Slow":
        """Of `COUNT:TIMES`. Raises UsageError."""
        count, _, times = text.partition(":")
        if not (count.isdecimal() and times.isdecimal() and int(times) and len(text) <= 12):
            advice = "for four that take 100 times as long: --slow 4:100"
            raise UsageError("slow clients are COUNT:TIMES", advice=advice, actual=text)
        return cls(int(count), int(times))


class Newest(NamedTuple):
    """The newest model, the number of its round, 0 for the initial one, and its tensor root."""

    model: Stream
    round: int
    root: bytes


class Flying(Strict, frozen=True):
    """What a client's training comes to `at` a tick: its update on the model with root `base`; `fit` where its node
    commits to that.
    """

    client: int
    at: int
    base: bytes
    update: bytes
    samples: int
    loss: float
    fit: bool


class _Saved(Strict, frozen=True):
    opens: int
    flying: tuple[Flying, ...]
    idle: tuple[int, ...]
    begun: tuple[int, ...]
    vain: tuple[int, ...]


@dataclass
class Buffers:
    """The trainings under way of a buffered job's clients, from buffer to buffer. `finals` returns the tensor roots of
    the models so far, newest first, the initial one left out.
    """

    job: Job
    seed: int
    clients: int
    slow: Slow
    finals: Callable[[], Iterable[bytes]]
    opens: int = 0
    """The tick at which the next round collects."""
    _flying: dict[int, Flying] = field(default_factory=dict)
    _idle: set[int] = field(default_factory=set)
    _begun: list[int] = field(default_factory=list)
    _vain: list[int] = field(default_factory=list)
    _taken: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._idle = set(range(self.clients))
        self._begun, self._vain = [0] * self.clients, [0] * self.clients

    @property
    def size(self) -> int:
        """Commitments that end a round's collecting, as its contract counts them."""
        return min(self.job.terms.buffer, self.clients)

    def collect(self, newest: Newest, trains: Trains) -> Iterator[Batch]:
        """The updates of the next buffer, in the order of their commitments; fewer than `size` where nobody else's node
        would commit to one. Raises as the training.
        """
        self._begin(newest, trains)
        now, self._taken = self.opens, set[int]()
        while self._flying and len(self._taken) < self.size:
            one = min(self._flying.values(), key=lambda flying: (flying.at, flying.client))
            del self._flying[one.client]
            self._idle.add(one.client)
            now = max(now, one.at)
            if one.fit:
                self._taken.add(one.client)
                update = stream(one.update)[None]
                yield Batch((one.client,), update, (one.samples,), (one.loss,), 0.0, base=one.base)
        self.opens = now + OVERHEAD

    def ended(self, *, made: bool) -> None:
        """The buffer that was collected led to a model, or to none."""
        if made:
            self._vain = [0] * self.clients
            return
        for client in self._taken:
            self._vain[client] += 1

    def age(self, base: bytes) -> int:
        """How many models were made after the one with this root."""
        found = age_of(base, self.finals(), self.job.initial_root)
        if found is None:
            raise Malformed("an update builds on none of the simulation's models", actual=base.hex())
        return found

    def encode(self) -> bytes:
        """All of it, to go on from later."""
        flying = tuple(self._flying[client] for client in sorted(self._flying))
        saved = _Saved(self.opens, flying, tuple(sorted(self._idle)), tuple(self._begun), tuple(self._vain))
        return msgspec.msgpack.encode(saved)

    def restore(self, data: bytes) -> None:
        """Go on from what was encoded. Raises Malformed for other bytes."""
        try:
            saved = msgspec.msgpack.decode(data, type=_Saved)
        except msgspec.DecodeError as error:
            raise Malformed("the trainings under way cannot be read", error=str(error)) from error
        everyone = sorted([*(one.client for one in saved.flying), *saved.idle])
        size = 4 * self.job.layout.values
        if everyone != list(range(self.clients)) or any(len(one.update) != size for one in saved.flying):
            raise Malformed("the trainings under way are of another simulation", clients=self.clients)
        self.opens, self._idle = saved.opens, set(saved.idle)
        self._flying = {one.client: one for one in saved.flying}
        self._begun, self._vain = list(saved.begun), list(saved.vain)

    def _begin(self, newest: Newest, trains: Trains) -> None:
        """Let all train on the newest model who train on nothing, or on what has become too old."""
        most = self.job.buffered.max_staleness if self.job.buffered else 0
        late = {client for client, one in self._flying.items() if self.age(one.base) > most}
        wishes = [Wish(client, newest.round + 1, self._vain[client]) for client in sorted(self._idle | late)]
        limits = self.job.admission
        for batch in trains(newest.model, wishes):
            (client,), update, (samples,), (loss,) = batch.clients, batch.updates[0], batch.samples, batch.losses
            cap = limits.cap(client)
            fit = judge(update, min(samples, cap), cap, limits).verdict is Verdict.ADMITTED
            at = self.opens + self._takes(client)
            self._flying[client] = Flying(client, at, newest.root, integers(update), samples, loss, fit)
        self._idle.clear()

    def _takes(self, client: int) -> int:
        draws = Draws(sha256(encode(["simulated pace", self.seed, client, self._begun[client]])))
        self._begun[client] += 1
        ticks = LEAST + draws.below(MOST - LEAST + 1)
        return ticks * (self.slow.times if client < self.slow.clients else 1)
