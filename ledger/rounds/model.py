"""The file of a round's global model, made block by block, with its root and CID on the way.

The sums that are divided to make it have a root of their own, which no file shows: who knows it has computed them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ledger import kernel
from ledger.errors import FedledgerError
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid, of_file
from ledger.formats.digest import NOTHING
from ledger.formats.header import Binding
from ledger.formats.merkle import LEAF
from ledger.formats.unixfs import cid_of
from ledger.history.state import JobState, Round, Update
from ledger.jobs.document import Job
from ledger.rounds.facts import Base
from ledger.rounds.inputs import Band, Fetch, Inputs, beside
from ledger.rounds.rules.arithmetic import Ints, Saturated
from ledger.rounds.weights import shares


class OutOfBounds(FedledgerError):
    """The sum of a masked round is one that no admissible updates have, so there is no next model."""

    exit_code = 1


Keep = Callable[[Iterator[Buffer]], Cid]
"""Takes a model's file in pieces, as it is made, and returns the CID of just these bytes: a store hashes them anyway.

The pieces may end in an error, in the last one, too: nothing of that file is kept then, and it may be asked again.
"""


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
    why: str = ""


def inputs_of(state: JobState, job: Job, round_: Round, base: Base, admitted: Sequence[Update], fetch: Fetch) -> Inputs:
    """What the round's model, and that of any coalition of its admitted updates, is made of."""
    weights = shares(state, job, round_, admitted)
    cids = [of_file(update.cid, job.update_size) for update in admitted]
    return Inputs(job.layout, job.aggregation, base.cid, cids, weights, fetch)


def hashed(pieces: Iterator[Buffer]) -> Cid:
    """The `Keep` that keeps nothing."""
    return cid_of(pieces)[0]


def make_model(
    inputs: Inputs, binding: Binding, threads: int, keep: Keep | None, readers: Sequence[Iterator[Ints]] = ()
) -> Model:
    """Make the model's file, hand it to `keep` in blocks, and say what it is. `readers` as in `Inputs.bands`."""
    root, sums = kernel.Stack(), kernel.Stack()

    def blocks() -> Iterator[Buffer]:
        before = inputs.layout.header(binding)
        for values in beside(made, inputs.bands(threads, readers)):
            yield before + values.tobytes() if before else values.data.cast("B")
            before = b""
        if why := inputs.refusal(threads):
            raise OutOfBounds(why)

    def made(band: Band) -> Ints:
        values = band.model()
        root.add(kernel.leaf_hashes(values, LEAF))
        sums.add(kernel.leaf_hashes(band.mean.sums.astype("<i8", copy=False), LEAF))
        return values

    try:
        cid = (keep or hashed)(blocks())
    except OutOfBounds as error:
        return Model(inputs, why=error.message)
    except Saturated as error:
        return Model(inputs, why=inputs.refusal(threads) or str(error))
    return Model(inputs, root.root(), cid.digest, sums.root())
