"""Documents of finalised models, and the lineage that each of them has."""

from collections.abc import Iterator

from ledger.formats.cid import of_file
from ledger.history.state import JobState, Round, Update
from ledger.rounds.facts import base_of
from ledger.rounds.trace import Trace, trace
from web.documents.ledger import ModelLine
from web.reading.ledger import NotFound, Reading
from web.reading.updates.groups import of_round


def finalised_rounds(state: JobState, before: int) -> Iterator[Round]:
    """The rounds below `before` that finalised a model, newest first."""
    first = min(len(state.rounds), before - 1)
    return (state.rounds[number] for number in range(first, 0, -1) if state.rounds[number].final is not None)


def model_line(now: Reading, state: JobState, round_: Round) -> ModelLine:
    """The model of a round. Raises NotFound if it finalised none."""
    final = round_.final
    if final is None:
        raise _no_model(state, round_.number)
    return ModelLine(
        job=state.number,
        round=round_.number,
        root=final.root.hex(),
        cid=file_cid(now, state, final.cid),
        aggregator=now.party(final.index, final.aggregator),
        agreeing=final.agreeing,
        members=round_.members,
        convicted=state.is_convicted(round_.number),
        **now.dated(round_.ended_in),
    )


def file_cid(now: Reading, state: JobState, digest: bytes) -> str | None:
    """The CID of one of the job's artifacts; None until the job's document, which determines its size, was read."""
    document = now.document(state)
    return str(of_file(digest, document.layout.size)) if document else None


def update_cid(now: Reading, state: JobState, update: Update) -> str | None:
    """The same of a member's update, which is of another size where it is masked, sealed or a sum."""
    document = now.document(state)
    return str(document.file_of(update.index, update.cid)) if document else None


def lineage(now: Reading, state: JobState, number: int, limit: int) -> tuple[Trace, int | None]:
    """The newest `limit` models of a lineage, and the round of the model that it continues with.

    Raises NotFound if the round finalised no model, NotYet without the job's document.
    """
    document = now.require_document(state)
    if number and now.round(state.number, number).final is None:
        raise _no_model(state, number)
    masks = now.snapshot.masks.get(state.number)
    found = trace(state, document, number, now.name, limit, masks, groups=lambda one: of_round(now, state.number, one))
    last = found.models[-1].round
    return found, base_of(state, document, last).round if last else None


def _no_model(state: JobState, number: int) -> NotFound:
    message = f"round {number} of job {state.number} has not finalised a model"
    return NotFound(message, advice=f"/jobs/{state.number}/models lists the models of the job")
