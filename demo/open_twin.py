"""The open round's model of the updates that a masked round had, made by the arithmetic of open rounds."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from demo.observer import Observer
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.formats.unixfs import cid_of
from ledger.jobs.document import Job
from ledger.rounds.facts import RoundFacts
from ledger.rounds.inputs import Inputs
from ledger.rounds.model import make_model


def open_root(observer: Observer, job: Job, number: int, updates: Mapping[int, Path]) -> bytes:
    """The tensor root of round `number`'s model, of open updates in files, by member index, with the weights that the
    ledger has; the base model is the masked round's.
    """
    connection, state = observer.connection, observer.job
    round_ = state.rounds[number]
    facts = RoundFacts.of(connection.place, state, job, round_, connection.history.masks[state.number])
    files = [path.read_bytes() for _, path in sorted(updates.items())]
    cids = [cid_of([file])[0] for file in files]
    data = dict(zip(cids, files, strict=True))

    def fetch(cid: Cid, start: int, stop: int | None) -> Iterator[Buffer]:
        if cid in data:
            yield data[cid][start:stop]
        else:
            yield from connection.fetch(cid, start, stop)

    weights = [round_.updates[member].weight for member in sorted(updates)]
    inputs = Inputs(job.layout, job.aggregation, facts.base.cid, cids, weights, fetch)
    return make_model(inputs, facts.binding, 1, None).root
