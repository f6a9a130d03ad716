"""From a draft that a person writes to the job that a consortium approves.

A draft is TOML with real numbers; the job has integers and texts alone (docs/spec/job.md). Numbers are read as
decimals, so what was written is what counts: 0.05 stays "0.05", and a bound of 4.0 becomes exactly 4 · 2^fraction_bits.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.events.records import Terms
from ledger.formats.artifact import Buffer, Layout, Tensor
from ledger.formats.cid import Cid
from ledger.formats.strict import Strict
from ledger.jobs import document as job
from ledger.jobs.document import Job, Setting
from ledger.jobs.layers import shapes
from ledger.party.pins import initial_pin, job_pin, set_pin
from ledger.rounds.facts import initial_binding
from participant.tasks import protocol as task

if TYPE_CHECKING:
    from torch.nn import Module

    from participant.integers.fixed_point import Stream

MAX_DRAFT = 1 << 20


class Put(Protocol):
    """Stores a file under a pin and gives its CID, as `ledger.store.Store.put` does."""

    def __call__(self, pieces: Iterable[Buffer], pin: str) -> Cid: ...


class DraftTask(Strict, frozen=True):
    """`settings` as a person writes them: decimals, and lists of numbers or texts."""

    name: str
    settings: dict[str, Any] = msgspec.field(default_factory=dict)


class DraftAdmission(Strict, frozen=True):
    """Limits for one update in real numbers: the largest value, and the Euclidean norm, in units of the model."""

    min_updates: int
    max_weight: int
    max_value: Decimal
    max_norm: Decimal


class DraftScoring(Strict, frozen=True):
    """How scores are made, and the time for it; what a method does not take is refused. `set` is a file of rows that
    the task reads, beside the draft; it makes the job's committed set."""

    method: str
    score_seconds: int
    reveal_seconds: int
    scorers: int
    evidence: Literal["committed_set", "private_sets"] | None = None
    set: str | None = None
    utility: str | None = None
    evaluations: int | None = None
    tolerance: int | None = None
    copy_ppm: int | None = None
    weighting: str | None = None


class Draft(Strict, frozen=True):
    """The file that `fedledger job create` reads. `seed` makes the initial model."""

    name: str
    task: DraftTask
    admission: DraftAdmission
    terms: Terms
    scoring: DraftScoring | None = None
    aggregation: job.Rule = job.WeightedMean()
    seed: int = 1
    fraction_bits: int = 24


def read(path: Path) -> Draft:
    """Read a draft. Raises UsageError where there is none, Malformed where it breaks its form."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_DRAFT + 1)
        if len(data) > MAX_DRAFT:
            raise Malformed("the draft is too large", file=str(path), maximum=MAX_DRAFT)
        draft = msgspec.convert(tomllib.loads(data.decode(), parse_float=Decimal), Draft)
        return _placed(draft, path.parent)
    except FileNotFoundError as error:
        raise UsageError("no such draft", file=str(path)) from error
    except OSError as error:
        raise Unavailable(f"cannot read the draft: {error.strerror}", file=str(path)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Malformed(f"the draft is not valid: {error}", file=str(path)) from error


def _placed(draft: Draft, folder: Path) -> Draft:
    """A set's file is named as seen from the draft."""
    if draft.scoring is None or not draft.scoring.set:
        return draft
    scoring = msgspec.structs.replace(draft.scoring, set=str(folder / draft.scoring.set))
    return msgspec.structs.replace(draft, scoring=scoring)


def create(draft: Draft, put: Put, *, open_set: bool = True) -> Job:
    """Make the initial model and the job's document, and store both under the pins that every role uses; so too the
    evaluation set that the job commits to, unless it is to be opened later.

    Raises UsageError where the task is not installed, Malformed for settings, limits or a model that cannot be.
    """
    made_of = _initial(draft)
    wanted, tensors, stream = made_of.wanted, made_of.tensors, made_of.stream
    layout = Layout(tensors)
    scoring, rows = _scoring(draft.scoring, made_of)
    from participant.integers.artifacts import file_of, root_of

    root = root_of(stream)
    made = job.Job(
        fedledger=job.FORMAT,
        name=draft.name,
        task=wanted,
        tensors=tensors,
        initial_model=job.InitialModel(
            cid=str(put(file_of(layout, initial_binding(), stream), initial_pin(root))), root=root.hex()
        ),
        aggregation=draft.aggregation,
        admission=limits(draft.admission, draft.fraction_bits),
        terms=_terms(draft),
        scoring=scoring,
        privacy=job.Privacy(mode="none"),
    )
    document = made.encode()
    job.parse(document)
    evidence = job.committed_set(scoring)
    if open_set and evidence is not None:
        put([rows], set_pin(evidence))
    put([document], job_pin(made.digest))
    return made


@dataclass(frozen=True, slots=True)
class _Initial:
    wanted: job.JobTask
    task: task.Task
    model: "Module"
    tensors: tuple[Tensor, ...]
    stream: "Stream"


def _initial(draft: Draft) -> _Initial:
    chosen = settings(draft.task.settings)
    installed = task.find(draft.task.name)
    created = installed.create(chosen)
    model = created.build_model(draft.seed)
    from participant.integers.tensors import stream_of, table

    tensors = table(model.state_dict(), draft.fraction_bits)
    wanted = job.JobTask(name=installed.name, version=installed.version, code=installed.code, settings=chosen)
    return _Initial(wanted, created, model, tensors, stream_of(model, Layout(tensors)))


def _terms(draft: Draft) -> Terms:
    """The draft's terms, with those of its scores."""
    if draft.terms.scored or draft.scoring is None:
        return draft.terms
    names = ("score_seconds", "reveal_seconds", "scorers")
    return msgspec.structs.replace(draft.terms, **{name: getattr(draft.scoring, name) for name in names})


def _scoring(draft: DraftScoring | None, made_of: _Initial) -> tuple[job.Scoring, bytes]:
    """What the job says of its scores, and the committed set's file, empty where it has none."""
    if draft is None:
        return job.NoScoring(), b""
    names = ("method", "utility", "evaluations", "tolerance", "copy_ppm", "weighting")
    said: dict[str, Any] = {name: getattr(draft, name) for name in names if getattr(draft, name) is not None}
    evidence, rows = _evidence(draft, made_of)
    if evidence is not None:
        said["evidence"] = evidence
    try:
        return msgspec.convert(msgspec.to_builtins(said), job.Scored), rows
    except msgspec.ValidationError as error:
        raise Malformed(f"the draft's [scoring] is not valid: {error}", method=draft.method) from error


def _evidence(draft: DraftScoring, made_of: _Initial) -> tuple[job.Evidence | None, bytes]:
    if (draft.evidence == "committed_set") != (draft.set is not None):
        raise Malformed(
            "scoring.set names the rows of a committed set, and of nothing else",
            advice='give both evidence = "committed_set" and set = "FILE", or neither',
            evidence=draft.evidence,
            set=draft.set,
        )
    if draft.evidence is None or draft.set is None:
        return (None if draft.evidence is None else job.PrivateSets()), b""
    from participant.jobs.committed_set import evidence_of, layers_of, set_of

    rows, network = set_of(made_of.task, Path(draft.set)), layers_of(made_of.task, made_of.model)
    outputs = shapes(tuple(rows.inputs.shape[1:]), network, made_of.tensors)[-1]
    content, evidence = evidence_of(rows, network, outputs[0])
    return evidence, content


def limits(draft: DraftAdmission, fraction_bits: int) -> job.Admission:
    """Real limits in the ledger's integers: v becomes the whole part of v · 2^fraction_bits, exactly."""
    return job.Admission(
        min_updates=draft.min_updates,
        max_weight=draft.max_weight,
        max_value=min(_integer("admission.max_value", draft.max_value, fraction_bits), (1 << 31) - 1),
        max_norm=_integer("admission.max_norm", draft.max_norm, fraction_bits),
    )


def _integer(field: str, value: Decimal, fraction_bits: int) -> int:
    if not value.is_finite() or value <= 0:
        raise Malformed(f"{field} must be a positive number", actual=value)
    return int(Fraction(value) * 2**fraction_bits)


def settings(written: dict[str, Any]) -> dict[str, Setting]:
    """Settings as the job has them: decimals as text, lists as lists of text. Raises Malformed for anything else."""
    return {name: _setting(name, value) for name, value in written.items()}


def _setting(name: str, value: Any) -> Setting:
    if isinstance(value, list):
        return [_text(name, item) for item in value]
    return value if isinstance(value, bool | int | str) else _text(name, value)


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal) and value.is_finite():
        return f"{value:f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise Malformed(
        f"setting {name!r} is not valid",
        expected="a text, an integer, a decimal number, true or false, or a list of texts or numbers",
        actual=str(value)[:200],
    )
