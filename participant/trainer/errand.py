"""One order under way: looked at now and then, it is answered, failed, or over time."""

import signal
import time
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ledger.errors import FedledgerError, Malformed, Unavailable, UsageError
from ledger.formats.text import plural
from participant.integers.fixed_point import Stream
from participant.trainer import messages
from participant.trainer.messages import (
    Answer,
    Compare,
    Create,
    Do,
    Failed,
    MakeSet,
    Measure,
    Order,
    Personalise,
    Progress,
    ReadData,
    Train,
)
from participant.trainer.trainer import Launched, Trainer

T = TypeVar("T")
METHODS: Mapping[type[Do], str] = {
    ReadData: "load_data",
    Train: "train",
    Personalise: "train",
    Measure: "evaluate",
    MakeSet: "load_data",
    Compare: "__init__",
    Create: "__init__",
}
"""The task's method that an order is about; where it is about several, the first of them."""
DOING = {
    "__init__": "making the task",
    "build_model": "building the model",
    "load_data": "reading the data",
    "join": "joining the data",
    "train": "training",
    "evaluate": "evaluating",
}
FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""Signals that a task's own code is not sent for what it does."""
TRIES = 2
"""How often an order is given whose process is ended from outside: memory may be free again."""
PAUSE, LONGEST_PAUSE = 0.005, 0.1
"""Seconds between two looks at an order: a twentieth of its age, within these bounds."""


class Ended(UsageError):
    """The trainer's process ended without an answer; `outside` where something else than the task ended it."""

    outside = False


class Tries:
    """How often each order, by any name, was ended from outside."""

    def __init__(self) -> None:
        self._ended: Counter[Hashable] = Counter()

    def forget(self) -> None:
        """Nothing is known any more of orders given so far."""
        self._ended.clear()

    @contextmanager
    def of(self, name: Hashable) -> Iterator[None]:
        """Takes an order's answer. Raises Unavailable in the place of Ended where it is to be given again."""
        try:
            yield
        except Ended as error:
            self._ended[name] += 1
            if error.outside and self._ended[name] < TRIES:
                raise Unavailable(error.message, advice=error.advice, **error.facts) from error
            raise


class Errand:
    """An order and what became of it. `facts` are told with every failure, `values` are those of a model."""

    def __init__(self, trainer: Trainer, folder: Path, order: Order, seconds: float, facts: dict[str, Any]) -> None:
        self.trainer, self.order, self._folder = trainer, order, folder
        self._until, self._seconds, self.facts = time.monotonic() + seconds, seconds, facts
        self.began = time.time()
        self._answer: Answer | FedledgerError | None = None
        self._closed = False
        self.settled = False
        """Whether somebody waited until it was done (`participant.trainer.trainers.Trainers.settle`)."""

    @property
    def done(self) -> bool:
        """Whether there is an answer or a failure; a look at the process and its folder."""
        if self._answer is None:
            self._answer = self._look()
        return self._answer is not None

    def wait(self, seconds: float) -> bool:
        """Wait until it is done, no longer than `seconds`; whether it is."""
        until = time.monotonic() + seconds
        while not self.done:
            if time.monotonic() >= until:
                return False
            time.sleep(min(max(PAUSE, 0.05 * (time.time() - self.began)), LONGEST_PAUSE))
        return True

    def answer(self) -> Answer:
        """The answer. Raises UsageError or Unavailable, with all that is known, where there is none."""
        if isinstance(self._answer, Failed):
            raise self._answer.error(**{**self.facts, **self._step()})
        if isinstance(self._answer, FedledgerError) or self._answer is None:
            raise self._answer or UsageError("the order is not carried out yet", **self.facts)
        return self._answer

    def expect(self, kind: type[T]) -> T:
        """An answer of that kind. Raises as `answer`, and Malformed for one of another."""
        answer = self.answer()
        if not isinstance(answer, kind):
            raise Malformed("the trainer answered something else", actual=type(answer).__name__)
        return answer

    def update(self, values: int) -> Stream:
        """What was trained. Raises as `participant.trainer.messages.read_stream`."""
        return messages.read_stream(self._folder / messages.UPDATE, values)

    def left(self) -> bytes:
        """What training left at home; empty for nothing. Raises as `participant.trainer.messages.read_own`."""
        return messages.read_own(self._folder / messages.LEFT)

    def leaves(self) -> tuple[bytes, ...]:
        """What it was trained on a part of. Raises as `participant.trainer.messages.read_leaves`."""
        return messages.read_leaves(self._folder / messages.LEAVES)

    def file(self, number: int) -> Iterator[bytes]:
        """The bytes of a file that was made. Raises as `participant.trainer.messages.read_pieces`."""
        return messages.read_pieces(self._folder / f"{messages.FILE}{number}")

    @property
    def progress(self) -> Progress | None:
        """How far training is, as it says itself."""
        try:
            return messages.read(self._folder / messages.PROGRESS, Progress)
        except Malformed:
            return None

    @property
    def unfit(self) -> bool:
        """Whether its process cannot be given another order."""
        failed = isinstance(self._answer, FedledgerError) or self._answer is None
        return failed or isinstance(self.trainer, Launched)

    def close(self) -> None:
        """Its files go; a process that is still at it, or that did not answer, is ended."""
        if self._closed:
            return
        self._closed = True
        if self.unfit:
            self.trainer.end()
        else:
            self.trainer.put_away(self._folder)

    def _look(self) -> Answer | FedledgerError | None:
        code = self.trainer.process.poll()
        try:
            answer: Answer | None = messages.read(self._folder / messages.ANSWER, Answer)  # type: ignore[arg-type]
        except Malformed as error:
            error.facts = {**self.facts, **error.facts}
            return error
        launched = isinstance(self.trainer, Launched)
        if answer is not None and (not launched or code == 0 or (code is not None and isinstance(answer, Failed))):
            return answer
        if code is not None:
            return self._ended(code)
        return self._late() if time.monotonic() > self._until else None

    def _ended(self, code: int) -> Ended:
        how = _signal_name(-code) if code < 0 else f"exit status {code}"
        doing, known = self._known()
        self.trainer.end()
        advice = "let the task raise an error instead; what it printed last is above"
        if -code == signal.SIGKILL:
            advice = "most often memory was full: use less of it at a time, or a machine that has more"
        error = Ended(
            f"{doing} ended its process: {how}",
            advice=advice,
            **known,
            printed=self.trainer.said or "nothing",
        )
        error.outside = -code in FROM_OUTSIDE
        return error

    def _late(self) -> UsageError:
        doing, known = self._known()
        self.trainer.end()
        return UsageError(
            f"{doing} was not over in time, and was ended",
            advice="train for fewer epochs or on fewer rows, or let the job give more time",
            **known,
            limit=plural(round(self._seconds), "second"),
            printed=self.trainer.said or "nothing",
        )

    def _known(self) -> tuple[str, dict[str, Any]]:
        """What it was doing, in words, and all that is known of it."""
        known = {**self.facts, "method": METHODS[type(self.order.do)], **self._step()}
        return DOING.get(known["method"], "the task"), known

    def _step(self) -> dict[str, Any]:
        """What of several steps it was at, as it said itself."""
        told = self.progress
        if told is None or not told.method:
            return {}
        known = {"method": told.method, "round": told.round, "file": told.file}
        return {name: value for name, value in known.items() if value}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
