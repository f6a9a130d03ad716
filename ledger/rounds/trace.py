"""The trace of a global model: back through rounds, updates and parties to the initial model. Pure."""

from collections.abc import Callable, Iterator
from itertools import islice

import msgspec

from ledger.errors import UsageError
from ledger.formats.cid import of_file
from ledger.history.state import Aggregate, JobState, Round
from ledger.history.state.masking import JobMasks
from ledger.jobs.document import Job
from ledger.rounds.admission import Verdict


class UpdateTrace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An update that was opened in a round, what became of it, and what it contributed, once that is settled.

    `tx` committed to it, `opening` showed it.
    """

    party: str
    key: str
    weight: int
    root: str
    cid: str
    verdict: str
    tx: str
    opening: str
    score: int | None = None


class ModelTrace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model and what it was made of; `round` 0 is the initial model, which was made of nothing.

    `base` is the root of the model that it was built on, `as_of` the block that it was made from, `head` that of all
    events up to it, `receipts` the SHA-256 of the file that says which updates have a certificate. `attested` stand by
    it besides its aggregator, `against` said otherwise; `failed_before` made the attempts that failed. Of a masked
    round `summed` are the members of its set, `unmasked` those of them that took their own masks off.
    """

    round: int
    root: str
    cid: str
    aggregator: str = ""
    key: str = ""
    attempt: int = 0
    base: str = ""
    as_of: int = 0
    head: str = ""
    receipts: str = ""
    failed_before: tuple[str, ...] = ()
    attested: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    updates: tuple[UpdateTrace, ...] = ()
    tx: str = ""
    summed: tuple[str, ...] = ()
    unmasked: tuple[str, ...] = ()


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """The lineage of a model, newest first: each is built on the next."""

    job: int
    name: str
    digest: str
    models: tuple[ModelTrace, ...]

    def to_json(self) -> bytes:
        return msgspec.json.encode({"fedledger": "trace/1", **msgspec.to_builtins(self)})

    def to_dot(self) -> str:
        """Graphviz: models below each other, updates beside the model that they went into."""
        return "\n".join(_dot(self)) + "\n"


def find(state: JobState, model: str | None) -> int:
    """The round of a model named by round number or by the start of its root; None means the latest.

    Raises UsageError where there is no such model, or more than one.
    """
    finals = {n: round_.final for n, round_ in state.rounds.items()}
    if model is None:
        return max((n for n, final in finals.items() if final), default=0)
    if model.isdecimal() and len(model) < 10:
        chosen = [int(model)] if model == "0" or finals.get(int(model)) else []
    else:
        start = model.removeprefix("0x").lower()
        chosen = [n for n, final in finals.items() if final and start and final.root.hex().startswith(start)]
    if len(chosen) != 1:
        problem = "more than one model starts like that" if chosen else "there is no such finalised model"
        raise UsageError(f"{problem}: {model}", job=state.number, advice="give a round's number or a longer root")
    return chosen[0]


def trace(
    state: JobState,
    job: Job,
    round_number: int,
    name: Callable[[int], str],
    limit: int | None = None,
    masks: JobMasks | None = None,
) -> Trace:
    """The lineage of the model of `round_number` (0: the initial one). `name` gives a member's name by index.

    With `limit` it is cut after so many models; the trace of the base of the last one goes on where it ends. `masks`
    are those of a masked job.
    """
    made = (_masked(one, masks, name) for one in _models(state, job, round_number, name))
    models = islice(made, limit)
    return Trace(job=state.number, name=job.name, digest=state.digest.hex(), models=tuple(models))


def _models(state: JobState, job: Job, newest: int, name: Callable[[int], str]) -> Iterator[ModelTrace]:
    for number in range(newest, 0, -1):
        final = state.rounds[number].final
        if final is not None:
            yield _model(job, state, state.rounds[number], final, name)
    yield ModelTrace(round=0, root=job.initial_model.root, cid=job.initial_model.cid)


def _masked(model: ModelTrace, masks: JobMasks | None, name: Callable[[int], str]) -> ModelTrace:
    """A model with the members of its set, where its round has one."""
    said = masks.rounds.get(model.round) if masks else None
    if said is None or said.set is None:
        return model
    summed, unmasked = (tuple(name(one) for one in sorted(members)) for members in (said.set, said.answers))
    return msgspec.structs.replace(model, summed=summed, unmasked=unmasked)


def _model(job: Job, state: JobState, round_: Round, final: Aggregate, name: Callable[[int], str]) -> ModelTrace:
    size, scores = job.update_size, state.scores(round_.number)
    updates = tuple(
        UpdateTrace(
            party=name(update.index),
            key=update.party,
            weight=update.weight,
            root=update.root.hex(),
            cid=str(of_file(update.cid, size)),
            verdict=_meaning(verdict),
            tx=update.tx.hex(),
            opening=update.opening.hex(),
            score=scores.get(update.index),
        )
        for update, verdict in zip(round_.sorted_updates(), final.verdicts, strict=True)
    )
    return ModelTrace(
        round=round_.number,
        root=final.root.hex(),
        cid=str(of_file(final.cid, job.layout.size)),
        aggregator=name(final.index),
        key=final.aggregator,
        attempt=final.attempt,
        base=final.base.hex(),
        as_of=final.as_of,
        head=final.head.hex(),
        receipts=final.receipts.hex(),
        failed_before=tuple(name(earlier.index) for earlier in round_.aggregates[:-1]),
        attested=tuple(name(a.index) for a in final.attestations if a.agrees),
        against=tuple(name(a.index) for a in final.attestations if not a.agrees),
        updates=updates,
        tx=final.tx.hex(),
    )


def _meaning(verdict: int) -> str:
    try:
        return Verdict(verdict).meaning
    except ValueError:
        return f"no such verdict: {verdict}"


def _dot(lineage: Trace) -> Iterator[str]:
    yield "digraph trace {"
    yield f"  label={_quote(f'{lineage.name} (job {lineage.job})')}; rankdir=BT; node [fontname=Helvetica];"
    for newer, older in zip(lineage.models, lineage.models[1:], strict=False):
        yield f"  m{older.round} -> m{newer.round};"
    for model in lineage.models:
        label = f"round {model.round}\n{model.root[:12]}\n{model.aggregator}" if model.round else "initial model"
        yield f"  m{model.round} [shape=box, style=filled, fillcolor=lightblue, label={_quote(label)}];"
        for position, update in enumerate(model.updates):
            admitted = update.verdict == Verdict.ADMITTED.meaning
            label = f"{update.party}\nweight {update.weight}" + ("" if admitted else f"\n{update.verdict}")
            node = f"u{model.round}_{position}"
            yield f"  {node} [shape=ellipse, color={'black' if admitted else 'red'}, label={_quote(label)}];"
            yield f"  {node} -> m{model.round} [style={'solid' if admitted else 'dashed'}];"
    yield "}"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
