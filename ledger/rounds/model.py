"""The file of a round's global model, made block by block, with its root and CID on the way.

The sums that are divided to make it have a root of their own, which no file shows: who knows it has computed them.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from ledger import kernel
from ledger.errors import FedledgerError
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.formats.digest import NOTHING
from ledger.formats.header import Binding
from ledger.formats.merkle import LEAF
from ledger.formats.unixfs import cid_of
from ledger.history.state import JobState, Round, Update
from ledger.jobs.document import Job
from ledger.rounds.carried import Carried, StateStream
from ledger.rounds.edges.inputs import SummedInputs
from ledger.rounds.facts import Base
from ledger.rounds.inputs import Band, Fetch, Inputs, beside
from ledger.rounds.rules.arithmetic import Ints, Saturated, Sums
from ledger.rounds.server_state import Step, binding_of, layout_of
from ledger.rounds.sinks import Sink
from ledger.rounds.staleness import faded
from ledger.rounds.weights import shares


class OutOfBounds(FedledgerError):
    """The sum of a masked round is one that no admissible updates have, so there is no next model."""

    exit_code = 1


Keep = Callable[[Iterator[Buffer]], Cid]
"""Takes a model's file in pieces, as it is made, and returns the CID of just these bytes: a store hashes them anyway.

The pieces may end in an error, in the last one, too: nothing of that file is kept then, and it may be asked again.
"""
KeepState = Callable[[str, Iterator[Buffer]], Cid]
"""The same for the file of a stream of the state, by the stream's name."""


@dataclass(frozen=True, slots=True)
class Model:
    """What was made of a round's updates. Zero where a value does not fit, or the sum is out of its bounds; `why` says
    which.

    `sums` is the root (RFC 6962) over what was divided: int64 little-endian in leaves of 1 KiB.
    """

    inputs: Inputs
    root: bytes = NOTHING
    cid: bytes = NOTHING
    sums: bytes = NOTHING
    carried: Carried = field(default_factory=Carried)
    why: str = ""


def inputs_of(
    state: JobState,
    job: Job,
    round_: Round,
    base: Base,
    admitted: Sequence[Update],
    fetch: Fetch,
    staleness: Sequence[int] = (),
) -> Inputs:
    """What the round's model, and that of any coalition of its admitted updates, is made of; `staleness` has one for
    each, in a buffered job.
    """
    weights, divisor = shares(state, job, round_, admitted), 0
    if job.buffered is not None and job.buffered.fades:
        weights, divisor = faded(weights, staleness)
    cids = [job.file_of(update.index, update.cid) for update in admitted]
    inputs = Inputs(job.layout, job.aggregation, base.cid, cids, weights, fetch, job.packing)
    inputs.divisor, inputs.staleness = divisor, tuple(staleness)
    sums = frozenset(place for place, update in enumerate(admitted) if job.is_edge(update.index))
    return SummedInputs(inputs, sums) if sums else inputs


def hashed(pieces: Iterator[Buffer]) -> Cid:
    """The `Keep` that keeps nothing."""
    return cid_of(pieces)[0]


def make_model(
    inputs: Inputs,
    binding: Binding,
    threads: int,
    keep: Keep | None,
    readers: Sequence[Iterator[Ints]] = (),
    keep_state: KeepState | None = None,
) -> Model:
    """Make the model's file, hand it to `keep` in blocks, and say what it is; so the files of its state, where its job
    has a server optimiser. `readers` as in `Inputs.bands`.
    """
    root, sums = kernel.Stack(), kernel.Stack()
    states = inputs.states(halting=bool(readers))

    def blocks() -> Iterator[Buffer]:
        before = inputs.layout.header(binding)
        for values in beside(made, inputs.bands(threads, readers), threads):
            yield before + values.tobytes() if before else values.data.cast("B")
            before = b""
            del values
        if why := inputs.refusal(threads):
            raise OutOfBounds(why)

    def made(band: Band) -> Ints:
        values, after = inputs.advance(band, next(states))
        root.add_leaves(values, LEAF)
        sums.add_leaves(band.mean.sums.astype("<i8", copy=False), LEAF)
        for file, part in zip(files, after, strict=True):
            file.add(part)
        return values

    with ExitStack() as stack:
        files = _state_files(inputs, binding, keep_state, stack)
        try:
            cid = (keep or hashed)(blocks())
        except OutOfBounds as error:
            return Model(inputs, why=error.message)
        except Saturated as error:
            return Model(inputs, why=inputs.refusal(threads) or str(error))
        carried = Carried(tuple(file.stream() for file in files), inputs.scalars)
    return Model(inputs, root.root(), cid.digest, sums.root(), carried)


class _StateFile:
    """A stream's file while it is made beside the model."""

    def __init__(self, name: str, step: Step, model: Binding, keep: KeepState | None, stack: ExitStack) -> None:
        self._name, self._step, self._root = name, step, kernel.Stack()
        self._sink = stack.enter_context(Sink(hashed if keep is None else partial(keep, name)))
        self._sink.write(layout_of(step.layout, name).header(binding_of(model, name)))

    def add(self, values: Sums) -> None:
        """The next values."""
        written = self._step.file(self._name, values)
        self._root.add_leaves(written, LEAF)
        self._sink.write(written.data.cast("B"))

    def stream(self) -> StateStream:
        """What it is, once it is whole and kept."""
        return StateStream(self._name, self._root.root(), self._sink.cid().digest)


def _state_files(inputs: Inputs, model: Binding, keep: KeepState | None, stack: ExitStack) -> list[_StateFile]:
    step = inputs.step
    if not isinstance(step, Step):
        return []
    return [_StateFile(name, step, model, keep, stack) for name in step.server.streams]
