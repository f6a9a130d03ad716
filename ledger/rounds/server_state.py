"""What a server optimiser remembers beside the model: one file of the model's own layout for each stream of its state,
named by the round's carried file (docs/spec/round.md, "Server optimisers").
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from ledger.errors import FedledgerError, Malformed
from ledger.formats.artifact import Layout
from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import NOTHING
from ledger.formats.header import Binding
from ledger.jobs.server import Server
from ledger.rounds import carried
from ledger.rounds.carried import Carried, StateStream
from ledger.rounds.facts import RoundFacts
from ledger.rounds.inputs import Fetch, Halted, Inputs
from ledger.rounds.inputs import Stream as Bytes
from ledger.rounds.optimisers import Turnout, stepped
from ledger.rounds.optimisers.moments import LARGEST
from ledger.rounds.rules.arithmetic import Sums

WIDE = "v"
"""The stream whose values need int64: second moments. All others are int32, as models are."""


def layout_of(layout: Layout, stream: str) -> Layout:
    """The layout of a stream's file, beside a model of this layout."""
    return layout.wide if stream == WIDE else layout


def binding_of(model: Binding, stream: str) -> Binding:
    """What the header of a stream's file must say, beside a model with this binding."""
    return msgspec.structs.replace(model, kind="state", stream=stream)


def read_carried(digest: bytes, fetch: Fetch) -> Carried:
    """What a round carried, by the digest that its claim names. Raises as `fetch`, Malformed for no such file."""
    if digest == NOTHING:
        return Carried()
    return carried.decode(b"".join(bytes(piece) for piece in fetch(Cid(RAW, digest), 0, carried.MAX_SIZE + 1)))


def step_into(inputs: Inputs, facts: RoundFacts, fetch: Fetch) -> Inputs:
    """The inputs of a round's model, with what its job does with their mean. Raises as `read_carried`, and Malformed
    where the model that the round builds on does not carry the state that it must.
    """
    server = facts.job.server
    if server.streams:
        before = read_carried(facts.base.carried, fetch).streams
        if facts.base.round and tuple(stream.name for stream in before) != server.streams:
            raise Malformed(
                f"the carried file of round {facts.base.round} has other streams than the job's optimiser",
                expected=", ".join(server.streams),
                actual=", ".join(stream.name for stream in before),
            )
        turnout = Turnout(len(inputs.updates), facts.round.participants)
        inputs.step = Step(server, facts.job.layout, turnout, before, fetch)
    return inputs


@dataclass(frozen=True, slots=True)
class Step:
    """What a round does with its mean update. `before` are the streams of the model that it builds on; none where that
    is the initial one, and all state 0.
    """

    server: Server
    layout: Layout
    turnout: Turnout
    before: Sequence[StateStream]
    fetch: Fetch

    def state(self, start: int, stop: int) -> list[Sums]:
        """Values `start` to `stop` of each stream before the round. Raises as `Fetch`, Malformed for a short file."""
        return [self._bytes(stream, start, stop).values(stop - start) for stream in self._streams()]

    def bands(self, blocks: int, *, halting: bool = False) -> Iterator[list[Sums]]:
        """The same of all values in the bands of the model's layout. With `halting` what it raises is Halted."""
        files = [self._bytes(stream, 0, self.layout.values) for stream in self._streams()]
        try:
            for start, stop in self.layout.bands(blocks):
                yield [file.values(stop - start) for file in files]
        except FedledgerError as error:
            if halting:
                raise Halted from error
            raise

    def apply(self, start: int, mean: Sums, state: Sequence[Sums]) -> tuple[Sums, list[Sums]]:
        """What is added to the base model from value `start` on, and the streams' next values there.

        A tensor of integers takes the mean as it is, and its state stays as it was.
        """
        change, after = mean.copy(), [values.copy() for values in state]
        for run, bits in self._runs(start, start + len(mean)):
            here = slice(run.start - start, run.stop - start)
            part, made = stepped(self.server, mean[here], [values[here] for values in state], self.turnout, bits)
            change[here] = part
            for values, new in zip(after, made, strict=True):
                values[here] = new
        return change, after

    def file(self, stream: str, values: Sums) -> np.ndarray:
        """A stream's values as its file has them."""
        return values.astype("<i8" if stream == WIDE else "<i4", copy=False)

    def _streams(self) -> "list[StateStream | str]":
        return list(self.before) or list(self.server.streams)

    def _bytes(self, stream: "StateStream | str", start: int, stop: int) -> "_Values":
        if isinstance(stream, str):
            return _Values(None, self.layout)
        layout = layout_of(self.layout, stream.name)
        offset = layout.header_size
        pieces = self.fetch(stream.file(layout.size), offset + layout.width * start, offset + layout.width * stop)
        return _Values(Bytes(pieces), layout, stream.name)

    def _runs(self, start: int, stop: int) -> Iterator[tuple[range, int]]:
        """Runs of values, between two places, of tensors of floats with as many fraction bits."""
        pending: tuple[range, int] | None = None
        starts = self.layout.starts
        for number in range(bisect_right(starts, start) - 1, bisect_left(starts, stop)):
            tensor = self.layout.tensors[number]
            low, high = max(starts[number], start), min(starts[number + 1], stop)
            if not isinstance(tensor.dtype, msgspec.UnsetType):
                continue
            if pending is not None and (pending[0].stop, pending[1]) == (low, tensor.fraction_bits):
                pending = range(pending[0].start, high), tensor.fraction_bits
                continue
            if pending is not None:
                yield pending
            pending = range(low, high), tensor.fraction_bits
        if pending is not None:
            yield pending


@dataclass(slots=True)
class _Values:
    """A stream's values in their order; zeros where it has no file.

    No round makes second moments out of their bounds. A majority can sign for some all the same: the nearest counts, so
    that what follows is the same for everyone.
    """

    pieces: Bytes | None
    layout: Layout
    name: str = ""

    def values(self, count: int) -> Sums:
        if self.pieces is None:
            return np.zeros(count, np.int64)
        size = self.layout.width * count
        data = self.pieces.take(size)
        if len(data) != size:
            raise Malformed(f"the file of stream {self.name} is truncated", expected=size, actual=len(data))
        if self.name != WIDE:
            return np.frombuffer(data, "<i4").astype(np.int64)
        moments: Sums = np.clip(np.frombuffer(data, "<i8"), 0, LARGEST)
        return moments
