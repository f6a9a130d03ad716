"""From a draft to the job that a consortium approves, with its initial model (docs/spec/job.md).

A bound of 4.0 becomes exactly 4 · 2^f, f being the most fraction bits that one of the job's tensors has.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from ledger.errors import Malformed
from ledger.events.records import Terms
from ledger.formats.artifact import Buffer, Layout, Tensor
from ledger.formats.cid import Cid
from ledger.jobs import document as job
from ledger.jobs.document import Job
from ledger.jobs.layers import Conv2d, Layer, Linear, shapes
from ledger.jobs.noise import ExampleNoise
from ledger.jobs.reserved import RESERVED
from ledger.party.pins import initial_pin, job_pin, set_pin
from ledger.rounds.facts import initial_binding
from participant.jobs.draft import SHOWN, Draft, DraftAdmission, DraftScoring, bounded, settings
from participant.jobs.noise import noise_of
from participant.jobs.proposals import Electorate, check_participants, min_updates_of, rule_of, terms_of
from participant.jobs.protection import privacy_of
from participant.tasks.discovery import find, require
from participant.tasks.protocol import Task

if TYPE_CHECKING:
    from torch.nn import Module

    from participant.integers.fixed_point import Stream


HOLD_OUT = 20
"""Percent of its rows that each party holds out where the draft does not say."""


class Put(Protocol):
    """Stores a file under a pin and returns its CID, as `ledger.store.Store.put` does."""

    def __call__(self, pieces: Iterable[Buffer], pin: str) -> Cid: ...


Step = Callable[[str, str], None]
"""Hears which of the task's methods is called next, on which file."""


def create(
    draft: Draft,
    put: Put,
    *,
    electorate: Electorate | None = None,
    open_set: bool = True,
    step: Step = lambda *_: None,
) -> Job:
    """Make the initial model and the job's document, and store both under the pins that every role uses; so too the
    evaluation set that the job commits to, unless it is to be opened later. What the draft leaves open is proposed for
    the `electorate`.

    Raises UsageError where the task is not installed, Malformed for impossible settings, limits or models.
    """
    needed, terms = min_updates_of(draft, electorate), _terms(draft, electorate)
    step("build_model", "")
    initial = _initial(draft)
    noise = _noise(draft, initial)
    step("load_data", (draft.scoring and draft.scoring.set) or "")
    scoring, rows = _scoring(draft.scoring, initial)
    step("build_model", "")
    made = job.Job(
        fedledger=job.FORMAT,
        name=draft.name,
        task=initial.wanted,
        tensors=initial.tensors,
        initial_model=_stored(initial, draft.seed, put),
        aggregation=rule_of(draft, electorate, needed),
        admission=limits(draft.admission, scale(initial.tensors), needed),
        terms=terms,
        scoring=scoring,
        hold_out=hold_out_of(draft.hold_out, initial.task),
        privacy=privacy_of(draft.privacy, needed, terms.update_seconds, terms.aggregate_seconds),
        dp=noise,
        **RESERVED,
    )
    document = made.encode()
    job.parse(document)
    if made.masked is not None:
        check_participants(made.masked.masking, electorate)
    evidence = job.committed_set(scoring)
    if open_set and evidence is not None:
        put([rows], set_pin(evidence))
    put([document], job_pin(made.digest))
    return made


def _noise(draft: Draft, initial: "_Initial") -> ExampleNoise | None:
    """What the job says of its noise; None where the draft has none. Raises as `noise_of` and `require_noisy`."""
    if draft.dp is None:
        return None
    from participant.tasks.learning import require_noisy

    require_noisy(initial.task, initial.wanted.settings)
    return noise_of(draft.dp, draft.terms.rounds)


def hold_out_of(said: int | None, task: Task) -> int:
    """The share that is held out, in percent: `HOLD_OUT` where the draft leaves it open and the task tells rows apart.

    Raises Malformed where rows are to be held out of data that have none.
    """
    from participant.tasks.split import tells_rows

    if tells_rows(task):
        return HOLD_OUT if said is None else said
    if said:
        raise Malformed(
            "hold_out needs a task that tells the rows of its data apart",
            advice="let the task have `leaves` and `part` (docs/tasks.md), or say hold_out = 0",
            task=task.name,
            hold_out=said,
        )
    return 0


def tensors_at_home(made: Job) -> tuple[str, ...]:
    """Names of the model's tensors that are not on the ledger. Raises UsageError where the task is not installed."""
    task = require(made.task).create(made.task.settings)
    from participant.tasks.sharing import at_home

    return at_home(task, task.build_model(made.initial_model.seed))


@dataclass(frozen=True, slots=True)
class _Initial:
    """The model that the draft describes, and what the job says of it."""

    wanted: job.JobTask
    task: Task
    model: "Module"
    tensors: tuple[Tensor, ...]
    stream: "Stream"


def _initial(draft: Draft) -> _Initial:
    chosen = settings(draft.task.settings)
    installed = find(draft.task.name)
    created = installed.create(chosen)
    model = created.build_model(draft.seed)
    from participant.integers.tensors import stream_of, table
    from participant.tasks.sharing import shared_state

    state = shared_state(created, model)
    tensors = table(state, draft.fraction_bits, draft.bits_by_pattern)
    return _Initial(
        wanted=job.JobTask(name=installed.name, version=installed.version, code=installed.code, settings=chosen),
        task=created,
        model=model,
        tensors=tensors,
        stream=stream_of(state, Layout(tensors)),
    )


def _stored(initial: _Initial, seed: int, put: Put) -> job.InitialModel:
    from participant.integers.artifacts import file_of, root_of

    root = root_of(initial.stream).hex()
    file = file_of(Layout(initial.tensors), initial_binding(), initial.stream)
    return job.InitialModel(cid=str(put(file, initial_pin(bytes.fromhex(root)))), root=root, seed=seed)


def _terms(draft: Draft, electorate: Electorate | None) -> Terms:
    """The draft's terms, with those of its scores."""
    terms = terms_of(draft.terms, electorate)
    if draft.terms.scored or draft.scoring is None:
        return terms
    names = ("score_seconds", "reveal_seconds", "scorers")
    return msgspec.structs.replace(terms, **{name: getattr(draft.scoring, name) for name in names})


def _scoring(draft: DraftScoring | None, initial: _Initial) -> tuple[job.Scoring, bytes]:
    """What the job says of its scores, and the committed set's file, empty where it has none."""
    if draft is None:
        return job.NoScoring(), b""
    names = ("method", "utility", "evaluations", "tolerance", "copy_ppm", "weighting")
    said: dict[str, Any] = {name: getattr(draft, name) for name in names if getattr(draft, name) is not None}
    evidence, rows = _evidence(draft, initial)
    if evidence is not None:
        said["evidence"] = evidence
    try:
        return msgspec.convert(msgspec.to_builtins(said), job.Scored), rows
    except msgspec.ValidationError as error:
        raise Malformed(f"the draft's [scoring] is not valid: {error}", method=draft.method) from error


def _evidence(draft: DraftScoring, initial: _Initial) -> tuple[job.Evidence | None, bytes]:
    if (draft.evidence == "committed_set") != (draft.set is not None):
        raise Malformed(
            "scoring.set names the rows of a committed set, and of nothing else",
            advice='give both evidence = "committed_set" and set = "FILE", or neither',
            evidence=draft.evidence,
            set=draft.set,
        )
    if draft.evidence is None or draft.set is None:
        return (None if draft.evidence is None else job.PrivateSets()), b""
    from participant.jobs.committed_set import evidence_of, set_of

    rows, network = set_of(initial.task, Path(draft.set)), _network(initial)
    outputs = shapes(tuple(rows.inputs.shape[1:]), network, initial.tensors)[-1]
    content, evidence = evidence_of(rows, network, outputs[0])
    return evidence, content


def _network(initial: _Initial) -> tuple[Layer, ...]:
    """The model layer by layer, all of whose tensors are on the ledger."""
    from participant.tasks import answers

    network = answers.layers(initial.task.name, initial.task.layers(initial.model))
    used = {tensor for layer in network if isinstance(layer, Linear | Conv2d) for tensor in (layer.weight, layer.bias)}
    missing = sorted(used - {tensor.name for tensor in initial.tensors})
    if missing:
        raise Malformed(
            f"a committed set needs tensor {missing[0]!r}, which the task keeps at home",
            advice="score on private sets, or let the task share every tensor",
            at_home=", ".join(missing)[:300],
        )
    return network


def scale(tensors: Sequence[Tensor]) -> int:
    """The fraction bits in which a job's limits are counted: the most that one of its tensors has."""
    return max(tensor.fraction_bits for tensor in tensors)


def limits(draft: DraftAdmission, fraction_bits: int, min_updates: int) -> job.Admission:
    """Real limits in the ledger's integers: v becomes the whole part of v · 2^fraction_bits, exactly."""
    return job.Admission(
        min_updates=min_updates,
        max_weight=draft.max_weight,
        max_weights=draft.max_weights,
        max_value=min(_integer("admission.max_value", draft.max_value, fraction_bits), (1 << 31) - 1),
        max_norm=_integer("admission.max_norm", draft.max_norm, fraction_bits),
    )


def _integer(field: str, value: Decimal, fraction_bits: int) -> int:
    if not value.is_finite() or value <= 0:
        raise Malformed(f"{field} must be a positive number", actual=str(value)[:SHOWN])
    return int(Fraction(bounded(field, value)) * 2**fraction_bits)
