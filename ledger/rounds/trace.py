"""The trace of a global model: back through rounds, updates and parties to the initial model. Pure."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import msgspec

from ledger.errors import Malformed, UsageError
from ledger.formats.cid import of_file
from ledger.formats.digest import NOTHING
from ledger.history.state import Aggregate, JobState, Round
from ledger.history.state.masking import JobMasks
from ledger.jobs.analysis import describe
from ledger.jobs.document import Job
from ledger.masks.groups import Groups
from ledger.rounds.admission import Verdict
from ledger.rounds.scaled import by_member, has_scalars, whole_of

GroupsOf = Callable[[int], Groups]
"""Returns the groups of the cast of a masked round, by its number."""


class ChildTrace(msgspec.Struct, frozen=True, kw_only=True):
    """A child whose update is in an edge's sum, by its key; it has no account on the chain."""

    key: str
    weight: int
    root: str
    cid: str


class UpdateTrace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An update that was opened in a round, what became of it, and what it contributed, once that is settled.

    `tx` committed to it, `opening` showed it. `factor` is what it was multiplied by, out of 65,536, in a job that cuts
    long updates; `share` what it counted in parts of `whole`, in one whose rule makes shares. `staleness` is how many
    models were finalised after the one that it builds on, in a buffered job. `platform` is the SHA-256 of the platform
    document that its header names, where headers were read. `edge` says that it is a sum; where its list of children
    was read, `list` is that file's CID, and `children` are those in it.
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
    factor: int | None = None
    share: int | None = None
    whole: int | None = None
    staleness: int | None = None
    platform: str = ""
    edge: bool = False
    list: str = ""
    children: tuple[ChildTrace, ...] = ()


class ModelTrace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A model and what it was made of; `round` 0 is the initial model, which was made of nothing.

    `base` is the root of the model that it was built on, `as_of` the block that it was made from, `head` that of all
    events up to it, `receipts` the SHA-256 of the file that says which updates have a certificate, `carried` that of
    the file with what the round carries beside the model, empty where it carries nothing. `attested` stand by it
    besides its aggregator, `against` said otherwise; `failed_before` made the attempts that failed. Of a masked round
    `summed` are the members of its set, `unmasked` those of them that took their own masks off, and `groups`, in a job
    that has any, who of the set is in which; nothing where no holder shows the files that tell. `convicted`: the court
    convicted the model, or one that it stands on.
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
    carried: str = ""
    failed_before: tuple[str, ...] = ()
    attested: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    updates: tuple[UpdateTrace, ...] = ()
    tx: str = ""
    summed: tuple[str, ...] = ()
    unmasked: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    convicted: bool = False


class Trace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The lineage of a model, newest first: each is built on the next. `private` are the patterns of tensors that no
    model of it has, since they stay at each party's home; left out where there are none. `compression` says in words
    how its updates are compressed, `analysis` what its job asks for instead of a model; each is left out where there is
    none.
    """

    job: int
    name: str
    digest: str
    models: tuple[ModelTrace, ...]
    private: tuple[str, ...] = ()
    compression: str = ""
    analysis: str = ""

    def to_json(self) -> bytes:
        return msgspec.json.encode({"fedledger": "trace/1", **msgspec.to_builtins(self)})

    def to_dot(self) -> str:
        """Graphviz: models below each other, updates beside the model that they went into."""
        return "\n".join(_dot(self)) + "\n"


def find(state: JobState, model: str | None) -> int:
    """The round of a model named by round number or by the start of its root; None means the latest of those
    that stand on no convicted model.

    Raises UsageError where there is no such model, or more than one.
    """
    finals = {n: round_.final for n, round_ in state.rounds.items()}
    if model is None:
        return max((n for n, final in finals.items() if final and not state.is_convicted(n)), default=0)
    if model.isdecimal() and len(model) < 10:
        chosen = [int(model)] if model == "0" or finals.get(int(model)) else []
    else:
        start = model.removeprefix("0x").lower()
        chosen = [n for n, final in finals.items() if final and start and final.root.hex().startswith(start)]
    if len(chosen) != 1:
        problem = "more than one model starts like that" if chosen else "there is no such finalised model"
        advice = "give a round's number or a longer root, and --job for a model of another job"
        raise UsageError(f"{problem}: {model}", job=state.number, advice=advice)
    return chosen[0]


def trace(
    state: JobState,
    job: Job,
    round_number: int,
    name: Callable[[int], str],
    limit: int | None = None,
    masks: JobMasks | None = None,
    scalars: Callable[[Aggregate], Sequence[int]] = lambda _: (),
    groups: GroupsOf = lambda _: (),
) -> Trace:
    """The lineage of the model of `round_number` (0: the initial one). `name` gives a member's name by index.

    With `limit` it is cut after so many models; the trace of the base of the last one goes on where it ends. `masks`
    are those of a masked job. `scalars` reads those that an aggregate carries, `groups` the groups of a round's cast;
    none where they cannot.
    """
    found = _models(state, job, round_number, name, scalars)
    made = (_masked(one, masks, name, groups) for one in found)
    models = islice(made, limit)
    digest, private, compression = state.digest.hex(), job.private.tensors, job.compression
    words = compression.words if compression else ""
    return Trace(
        job=state.number,
        name=job.name,
        digest=digest,
        models=tuple(models),
        private=private,
        compression=words,
        analysis=describe(job.analysis) if job.analysis else "",
    )


def _models(
    state: JobState, job: Job, newest: int, name: Callable[[int], str], scalars: Callable[[Aggregate], Sequence[int]]
) -> Iterator[ModelTrace]:
    number = newest
    while number:
        final = state.rounds[number].final
        if final is not None:
            model = _model(job, state, state.rounds[number], final, name)
            yield _counted(model, job, state.rounds[number], scalars(final)) if has_scalars(job) else model
        number = state.built_on(number)
    yield ModelTrace(round=0, root=job.initial_model.root, cid=job.initial_model.cid)


def _counted(model: ModelTrace, job: Job, round_: Round, scalars: Sequence[int]) -> ModelTrace:
    """A model whose updates say what they counted, where that is known."""
    try:
        said = by_member(job, [update.index for update in round_.admitted()], scalars)
    except Malformed:
        return model
    whole = whole_of(job, said)
    pairs = zip(round_.sorted_updates(), model.updates, strict=True)
    counted = tuple(
        msgspec.structs.replace(made, whole=whole, **said[one.index]._asdict()) if one.index in said else made
        for one, made in pairs
    )
    return msgspec.structs.replace(model, updates=counted)


def _masked(model: ModelTrace, masks: JobMasks | None, name: Callable[[int], str], groups: GroupsOf) -> ModelTrace:
    """A model with the members of its set, where its round has one."""
    said = masks.rounds.get(model.round) if masks else None
    if said is None or said.set is None:
        return model
    summed, unmasked = (tuple(name(one) for one in sorted(members)) for members in (said.set, said.answers))
    found = groups(model.round)
    within = tuple(tuple(name(one) for one in sorted(group & said.set)) for group in found) if len(found) > 1 else ()
    return msgspec.structs.replace(model, summed=summed, unmasked=unmasked, groups=within)


def _model(job: Job, state: JobState, round_: Round, final: Aggregate, name: Callable[[int], str]) -> ModelTrace:
    scores = state.scores(round_.number)
    updates = tuple(
        UpdateTrace(
            party=name(update.index),
            key=update.party,
            weight=update.weight,
            root=update.root.hex(),
            cid=str(job.file_of(update.index, update.cid)),
            verdict=_meaning(verdict),
            tx=update.tx.hex(),
            opening=update.opening.hex(),
            score=scores.get(update.index),
            edge=job.is_edge(update.index),
        )
        for update, verdict in zip(round_.sorted_updates(), final.verdicts, strict=True)
    )
    return ModelTrace(
        round=round_.number,
        root=final.root.hex(),
        cid=str(of_file(final.cid, job.layout.size)),
        aggregator=name(final.index),
        key=final.aggregator,
        convicted=state.is_convicted(round_.number),
        attempt=final.attempt,
        base=final.base.hex(),
        as_of=final.as_of,
        head=final.head.hex(),
        receipts=final.receipts.hex(),
        carried="" if final.carried == NOTHING else final.carried.hex(),
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
            label += f"\nsum of {len(update.children)}" if update.children else "\nsum" if update.edge else ""
            node = f"u{model.round}_{position}"
            yield f"  {node} [shape=ellipse, color={'black' if admitted else 'red'}, label={_quote(label)}];"
            yield f"  {node} -> m{model.round} [style={'solid' if admitted else 'dashed'}];"
    yield "}"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
