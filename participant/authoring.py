"""From a draft that a person writes to the job that a consortium approves.

A draft is TOML with real numbers; the job has integers and texts alone (docs/spec/job.md). Numbers are read as
decimals, so what was written is what counts: 0.05 stays "0.05", and a bound of 4.0 becomes exactly 4 · 2^fraction_bits.
"""

import tomllib
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from ledger import job
from ledger.artifact import Buffer, Layout, Tensor
from ledger.cid import Cid
from ledger.errors import Malformed, Unavailable, UsageError
from ledger.job import Job, Setting
from ledger.records import Terms
from ledger.rounds import initial_binding
from participant import task

if TYPE_CHECKING:
    from participant.fixed_point import Stream

MAX_DRAFT = 1 << 20


class Put(Protocol):
    """Stores a file under a pin and gives its CID, as `ledger.store.Store.put` does."""

    def __call__(self, pieces: Iterable[Buffer], pin: str) -> Cid: ...


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Unknown fields are refused, so that a misspelt one is never passed over."""


class DraftTask(Strict, frozen=True):
    """`settings` as a person writes them: decimals, and lists of numbers or texts."""

    name: str
    settings: dict[str, Any] = {}


class DraftAdmission(Strict, frozen=True):
    """Limits for one update in real numbers: the largest value, and the Euclidean norm, in units of the model."""

    min_updates: int
    max_weight: int
    max_value: Decimal
    max_norm: Decimal


class Draft(Strict, frozen=True):
    """The file that `fedledger job create` reads. `seed` makes the initial model."""

    name: str
    task: DraftTask
    admission: DraftAdmission
    terms: Terms
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
        return msgspec.convert(tomllib.loads(data.decode(), parse_float=Decimal), Draft)
    except FileNotFoundError as error:
        raise UsageError("no such draft", file=str(path)) from error
    except OSError as error:
        raise Unavailable(f"cannot read the draft: {error.strerror}", file=str(path)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Malformed(f"the draft is not valid: {error}", file=str(path)) from error


def create(draft: Draft, put: Put) -> Job:
    """Make the initial model and the job's document, and store both under the pins that every role uses.

    Raises UsageError where the task is not installed, Malformed for settings, limits or a model that cannot be.
    """
    wanted, tensors, stream = _initial(draft)
    layout = Layout(tensors)
    from participant.artifacts import file_of, root_of

    root = root_of(stream).hex()
    made = job.Job(
        fedledger=job.FORMAT,
        name=draft.name,
        task=wanted,
        tensors=tensors,
        initial_model=job.InitialModel(
            cid=str(put(file_of(layout, initial_binding(), stream), f"initial/{root}")), root=root
        ),
        aggregation=draft.aggregation,
        admission=limits(draft.admission, draft.fraction_bits),
        terms=draft.terms,
        scoring=job.NoScoring(),
        privacy=job.Privacy(mode="none"),
    )
    document = made.encode()
    job.parse(document)
    put([document], f"job/{made.digest.hex()}")
    return made


def _initial(draft: Draft) -> tuple[job.Task, tuple[Tensor, ...], "Stream"]:
    chosen = settings(draft.task.settings)
    installed = task.find(draft.task.name)
    model = installed.create(chosen).build_model(draft.seed)
    from participant.state import stream_of, table

    tensors = table(model.state_dict(), draft.fraction_bits)
    wanted = job.Task(name=installed.name, version=installed.version, code=installed.code, settings=chosen)
    return wanted, tensors, stream_of(model, Layout(tensors))


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
