"""Who trains the units of a round: this process, or workers once they are hired."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple

from ledger.errors import Unavailable
from ledger.party.workers.crew import Crew, answers
from ledger.party.workers.staff import Engine, cores
from ledger.party.workers.trade import Trade
from participant.integers.fixed_point import Stream
from participant.simulation.orders import Answer, UnitOrder, batch_of, encode, integers, parse
from participant.simulation.training import Batch, Training, Wish
from participant.tasks.training import Local
from participant.trainer.messages import Failed

MODULE = "participant.simulation.worker"
PAYS = 30.0
"""Seconds of training that must be left, at the pace so far, or to begin workers takes longer than it saves."""
_BESIDE = 1 << 20
"""Bytes of an answer beside the updates, at most."""


class Staffing(NamedTuple):
    """How many workers there are to be, on which engine, and whether only once that pays. One process is this one."""

    workers: int
    engine: Engine
    when_it_pays: bool

    @property
    def words(self) -> str:
        """Who trains, in words."""
        if self.engine == "ray":
            return f"a Ray cluster, {self.workers} at once"
        if self.workers == 1:
            return "this process"
        return (
            f"this process, and by {self.workers} others once that pays"
            if self.when_it_pays
            else (f"{self.workers} processes")
        )


def staffing_of(asked: int | None, engine: Engine, *, paying: bool, units: int) -> Staffing:
    """As many workers as asked for, else one for each core where they are `paying`; one for each unit at most."""
    chosen = asked is not None or engine == "ray"
    wished = asked or (cores() if paying or engine == "ray" else 1)
    return Staffing(min(wished, units), engine, not chosen)


def trade_of(training: Training, values: int) -> Trade:
    """What the workers of a simulation do: train models of so many values."""
    return Trade(MODULE, 4 * values * max(map(len, training.units)) + _BESIDE, patient=True)


@dataclass
class Workforce:
    """Has a training's units trained, of which `left` are to come in all rounds.

    `hire` makes workers, None where there are none: when the first unit is wanted, or (`when_it_pays`) once enough is
    left to do. What comes out is the same. `close` lets them go.
    """

    training: Training
    local: Local
    left: int
    hire: Callable[[], Crew] | None
    when_it_pays: bool
    crew: Crew | None = None
    _paces: list[float] = field(default_factory=list)

    def train(self, base: Stream, wishes: Sequence[Wish]) -> Iterator[Batch]:
        """The batch of each unit that is wished for, in their order, from a base model. Raises as `Training.fit`, and
        Unavailable where the workers that trained a unit ended.
        """
        for done, wish in enumerate(wishes):
            if crew := self._hired():
                yield from self._by_workers(crew, wishes[done:], base)
                return
            began = perf_counter()
            batch = self.training.fit(wish.place, base, wish.number, wish.again, wish.drift())
            self._paces = [*self._paces[-1:], perf_counter() - began]
            self.left -= 1
            yield batch

    def close(self) -> None:
        """Let the workers go."""
        if self.crew is not None:
            self.crew.close()

    def _hired(self) -> Crew | None:
        if self.crew is None and self.hire is not None and (not self.when_it_pays or self._pays()):
            self.crew = self.hire()
        return self.crew

    def _pays(self) -> bool:
        """By the shorter of the last two units: the first one of a process takes longer than all others."""
        return len(self._paces) == 2 and min(self._paces) * self.left > PAYS

    def _by_workers(self, crew: Crew, wishes: Sequence[Wish], base: Stream) -> Iterator[Batch]:
        data = integers(base)
        with closing(answers(crew, (encode(_order(wish, data)) for wish in wishes))) as found:
            for wish, answer in zip(wishes, found, strict=True):
                yield self._batch(self.training.units[wish.place], wish.number, answer)

    def _batch(self, members: Sequence[int], number: int, answer: bytes | None) -> Batch:
        told = {"round": number, "task": self.local.task.name}
        if answer is None:
            raise Unavailable(
                "the workers that trained a client ended, each of them",
                advice="look for what they printed, and whether memory suffices for so many --workers",
                **_of(members),
                **told,
            )
        said: Answer = parse(answer, Answer)  # type: ignore[arg-type]
        if isinstance(said, Failed):
            raise said.error(**told)
        return batch_of(said, members, self.local.job.layout.values)


def _order(wish: Wish, base: bytes) -> UnitOrder:
    drift = wish.drift()
    return UnitOrder(wish.number, wish.place, base, wish.again, b"" if drift is None else integers(drift))


def _of(members: Sequence[int]) -> dict[str, object]:
    return {"client": members[0]} if len(members) == 1 else {"clients": ", ".join(map(str, members))}
