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

from ledger.errors import Malformed, UsageError
from ledger.events.records import Terms
from ledger.formats import header
from ledger.formats.artifact import Buffer, Layout, Tensor
from ledger.formats.cid import Cid
from ledger.jobs import document as job
from ledger.jobs import scores as job_scores
from ledger.jobs.analysis import Analysis
from ledger.jobs.document import Job
from ledger.jobs.layers import Conv2d, Layer, Linear, shapes
from ledger.jobs.members import ClientNoise, least_set
from ledger.jobs.noise import ExampleNoise
from ledger.jobs.privacy import Masked, Privacy
from ledger.jobs.private import Private, check_private
from ledger.jobs.rules import CentredClipping, Rule
from ledger.jobs.server import Server
from ledger.party.pins import initial_pin, job_pin, set_pin
from ledger.rounds.facts import initial_binding
from participant.jobs.aggregation import DraftCentredClipping, DraftRule
from participant.jobs.analysis import admission_of, analysis_of
from participant.jobs.draft import SHOWN, Draft, DraftAdmission, DraftMembers, DraftScoring, bounded, settings
from participant.jobs.hierarchy import hierarchy_of
from participant.jobs.members import Shape, member_noise_of
from participant.jobs.noise import noise_of
from participant.jobs.preparation import permitted_use_of, preparation_of, prepared_settings
from participant.jobs.proposals import (
    Electorate,
    check_participants,
    min_updates_of,
    rule_of,
    smallest_sum_of,
    terms_of,
)
from participant.jobs.protection import privacy_of
from participant.jobs.schedule import buffer_of, schedule_of
from participant.jobs.server import server_of
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
"""Hears which of the task's methods is called next, on which file; nothing while none is."""


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
    initial = _initial(draft, step)
    admission = _admission(draft, initial, needed)
    smallest = smallest_sum_of(draft, electorate, needed)
    privacy = privacy_of(draft.privacy, smallest, terms.update_seconds, terms.aggregate_seconds)
    noise = _noise(draft, initial, admission, privacy)
    scoring, rows = _scoring(draft.scoring, initial, step)
    made = job.Job(
        fedledger=job.FORMAT,
        name=draft.name,
        task=initial.wanted,
        tensors=initial.tensors,
        initial_model=_stored(initial, draft.seed, put),
        aggregation=_in_integers(rule_of(draft, electorate, needed), scale(initial.tensors)),
        admission=within_clip(admission, noise),
        terms=terms,
        scoring=scoring,
        hold_out=hold_out_of(draft.hold_out, initial.task),
        privacy=privacy,
        dp=noise,
        compression=draft.compression.said if draft.compression else None,
        private=initial.private,
        schedule=schedule_of(draft.schedule),
        server=_server(draft, initial),
        hierarchy=hierarchy_of(draft.hierarchy, put),
        preparation=preparation_of(draft.preparation),
        permitted_use=permitted_use_of(draft.permitted_use),
        analysis=initial.analysis,
    )
    job.parse(made.encode())
    if made.masked is not None:
        check_participants(made.masked.masking, electorate, needed if made.masked.groups else 0)
    _keep(made, rows if open_set else b"", put)
    return made


def _keep(made: Job, rows: bytes, put: Put) -> None:
    """Store the document, and its evaluation set where there is one to be opened."""
    evidence = job_scores.committed_set(made.scoring)
    if rows and evidence is not None:
        put([rows], set_pin(evidence))
    put([made.encode()], job_pin(made.digest))


def _admission(draft: Draft, initial: "_Initial", needed: int) -> job.Admission:
    """The draft's limits, or those that follow from an analysis."""
    if initial.analysis is not None:
        return admission_of(initial.analysis, needed)
    return limits(draft.admission, scale(initial.tensors), needed)


def _noise(
    draft: Draft, initial: "_Initial", admission: job.Admission, privacy: Privacy
) -> ExampleNoise | ClientNoise | None:
    """What the job says of its noise; None where the draft has none.

    Raises as `noise_of` and `require_noisy`, or as `member_noise_of`; Malformed where members are to be hidden whose
    updates are not masked.
    """
    if draft.dp is None:
        return None
    if isinstance(draft.dp, DraftMembers):
        if not isinstance(privacy, Masked):
            raise Malformed(
                "dp.level = client hides members in a sum, and updates are read one by one",
                advice='say privacy.mode = "masked", or dp.level = "example"',
                expected="masked",
                actual=draft.privacy.mode,
            )
        shape = Shape(admission.max_norm, Layout(initial.tensors).values, least_set(privacy))
        return member_noise_of(draft.dp, draft.terms.rounds, shape)
    from participant.tasks.learning import require_noisy

    require_noisy(initial.task, initial.wanted.settings)
    sums = draft.dp.steps if initial.analysis is None else initial.analysis.sums_of_a_row
    return noise_of(msgspec.structs.replace(draft.dp, steps=sums), draft.terms.rounds)


def within_clip(admission: job.Admission, noise: ExampleNoise | ClientNoise | None) -> job.Admission:
    """The limits with a norm of whole grains, where noise hides members."""
    if not isinstance(noise, ClientNoise):
        return admission
    return msgspec.structs.replace(admission, max_norm=noise.clip * noise.grain)


def _server(draft: Draft, initial: "_Initial") -> Server:
    """What the job says of its server optimiser. Raises as `server_of` and `require_correcting`."""
    server = server_of(draft.server)
    if server.corrects:
        from participant.tasks.learning import require_correcting

        require_correcting(initial.task, server.name)
    return server


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
    task = require(made.task).create(made.task.settings, made.preparation)
    if made.analysis is not None:
        task.analyse(made.analysis)
    from participant.tasks.sharing import at_home

    return at_home(task, task.build_model(made.initial_model.seed), made.private.tensors)


@dataclass(frozen=True, slots=True)
class _Initial:
    """The model that the draft describes, and what the job says of it."""

    wanted: job.JobTask
    task: Task
    model: "Module"
    tensors: tuple[Tensor, ...]
    stream: "Stream"
    private: Private
    analysis: Analysis | None


def _initial(draft: Draft, step: Step) -> _Initial:
    """The model that the task makes: `step` hears of it while the task's code runs, and not while the draft is read."""
    preparation = preparation_of(draft.preparation)
    chosen = prepared_settings(settings(draft.task.settings), preparation)
    private = Private.of(draft.private.tensors)
    check_private(private, (), committed=False)
    installed = find(draft.task.name)
    step("build_model", "")
    created, analysis = installed.create(chosen, preparation), analysis_of(draft.analysis)
    if analysis is not None:
        created.analyse(analysis)
    model, code = created.build_model(draft.seed), installed.code_for(chosen)
    from participant.integers.tensors import stream_of, table
    from participant.tasks.sharing import shared_state

    state = shared_state(created, model, private.tensors)
    step("", "")
    tensors = table(state, draft.fraction_bits, draft.bits_by_pattern)
    return _Initial(
        wanted=job.JobTask(name=installed.name, version=installed.version, code=code, settings=chosen),
        task=created,
        model=model,
        tensors=tensors,
        stream=started_from(Path(draft.start), Layout(tensors)) if draft.start else stream_of(state, Layout(tensors)),
        private=private,
        analysis=analysis,
    )


def started_from(path: Path, layout: Layout) -> "Stream":
    """The integers of a model's file, to start a job from. Raises UsageError where there is none, Malformed where it is
    none of these tensors.
    """
    from participant.integers.artifacts import stream_of_body

    try:
        with path.open("rb") as file:
            data = file.read(layout.size + 1)
    except OSError as error:
        raise UsageError(f"cannot read the model to start from: {error.strerror}", file=str(path)) from error
    said = header.parse(data[: layout.header_size], layout.header_size)
    kind = said.pop("__metadata__", {}).get("kind")
    if kind not in ("initial", "model") or said != layout.entries() or len(data) != layout.size:
        raise Malformed(
            "this is not a model to start from, of the draft's task and settings",
            advice="fedledger store get writes a model by its CID, which fedledger trace shows",
            file=str(path),
            kind=kind,
        )
    return stream_of_body(layout, [data[layout.header_size :]])


def _stored(initial: _Initial, seed: int, put: Put) -> job.InitialModel:
    from participant.integers.artifacts import file_of, root_of

    root = root_of(initial.stream).hex()
    file = file_of(Layout(initial.tensors), initial_binding(), initial.stream)
    return job.InitialModel(cid=str(put(file, initial_pin(bytes.fromhex(root)))), root=root, seed=seed)


def _terms(draft: Draft, electorate: Electorate | None) -> Terms:
    """The draft's terms, with those of its scores and its buffer."""
    terms = msgspec.structs.replace(terms_of(draft.terms, electorate), buffer=buffer_of(draft.schedule))
    if draft.terms.scored or draft.scoring is None:
        return terms
    names = ("score_seconds", "reveal_seconds", "scorers")
    return msgspec.structs.replace(terms, **{name: getattr(draft.scoring, name) for name in names})


def _scoring(draft: DraftScoring | None, initial: _Initial, step: Step) -> tuple[job_scores.Scoring, bytes]:
    """What the job says of its scores, and the committed set's file, empty where it has none."""
    if draft is None:
        return job_scores.NoScoring(), b""
    names = ("method", "utility", "evaluations", "tolerance", "copy_ppm", "weighting")
    said: dict[str, Any] = {name: getattr(draft, name) for name in names if getattr(draft, name) is not None}
    if draft.set:
        step("load_data", draft.set)
    evidence, rows = _evidence(draft, initial)
    step("", "")
    if evidence is not None:
        said["evidence"] = evidence
    try:
        return msgspec.convert(msgspec.to_builtins(said), job_scores.Scored), rows
    except msgspec.ValidationError as error:
        raise Malformed(f"the draft's [scoring] is not valid: {error}", method=draft.method) from error


def _evidence(draft: DraftScoring, initial: _Initial) -> tuple[job_scores.Evidence | None, bytes]:
    if (draft.evidence == "committed_set") != (draft.set is not None):
        raise Malformed(
            "scoring.set names the rows of a committed set, and of nothing else",
            advice='give both evidence = "committed_set" and set = "FILE", or neither',
            evidence=draft.evidence,
            set=draft.set,
        )
    if draft.evidence is None or draft.set is None:
        return (None if draft.evidence is None else job_scores.PrivateSets()), b""
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
            f"a committed set needs tensor {missing[0]!r}, which stays at home",
            advice="score on private sets, or let the job and its task share every tensor",
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
        on_norm=draft.on_norm,
    )


def _in_integers(rule: DraftRule, fraction_bits: int) -> Rule:
    """A rule with its radius in the ledger's integers, as limits are."""
    if isinstance(rule, DraftCentredClipping):
        return CentredClipping(radius=_integer("aggregation.radius", rule.radius, fraction_bits))
    return rule


def _integer(field: str, value: Decimal, fraction_bits: int) -> int:
    if not value.is_finite() or value <= 0:
        raise Malformed(f"{field} must be a positive number", actual=str(value)[:SHOWN])
    return int(Fraction(bounded(field, value)) * 2**fraction_bits)
