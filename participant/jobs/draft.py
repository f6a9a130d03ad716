"""The draft of a job, as a person writes it.

A draft is TOML with real numbers; the job has integers and texts alone (docs/spec/job.md). Numbers are read as
decimals, so what was written is what counts: 0.05 stays "0.05". `participant.jobs.creation` makes the job.
"""

import tomllib
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

import msgspec

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats.strict import Strict
from ledger.jobs.compression import Compression
from ledger.jobs.document import Setting
from participant.jobs.aggregation import DraftRule, rules
from participant.jobs.analysis import DraftAnalysis, filled
from participant.jobs.fields import told
from participant.jobs.hierarchy import DraftHierarchy
from participant.jobs.preparation import permitted_use_of, preparation_of
from participant.jobs.protection import DraftPrivacy
from participant.jobs.schedule import DraftSchedule, schedule_of
from participant.jobs.server import server_of

MAX_DRAFT = 1 << 20
MAX_DIGITS = 1000
"""Digits of a decimal number, written out, before the point and after it."""
MAX_BITS = 64
"""Bits of an integer."""
SHOWN = 300
"""Characters that an error shows of what the draft says."""


class DraftTask(Strict, frozen=True):
    """`settings` as a person writes them: decimals, and lists of numbers or texts."""

    name: str
    settings: dict[str, Any] = msgspec.field(default_factory=dict)


class DraftAdmission(Strict, frozen=True):
    """Limits for one update in real numbers: the largest value, and the Euclidean norm, in units of the model.

    They hold as written for the tensors with the most fraction bits (docs/spec/job.md, "Limits"). `max_weights` caps
    the weights of single members, by index; `on_norm` says what becomes of longer updates. What is left out is proposed
    (`participant.jobs.proposals`)."""

    max_weight: int
    max_value: Decimal
    max_norm: Decimal
    min_updates: int | None = None
    max_weights: dict[str, int] = msgspec.field(default_factory=dict)
    on_norm: Literal["refuse", "clip"] = "refuse"


class DraftTerms(Strict, frozen=True):
    """The job's terms (`ledger.events.rounds.Terms`). What is left out is proposed (`participant.jobs.proposals`)."""

    rounds: int
    update_seconds: int
    aggregate_seconds: int
    attest_seconds: int
    open_seconds: int | None = None
    attempts: int | None = None
    score_seconds: int = 0
    reveal_seconds: int = 0
    scorers: int = 0

    @property
    def scored(self) -> bool:
        """Whether the draft says here how scores are made."""
        return self.scorers > 0


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


class DraftNoise(Strict, frozen=True, tag="example", tag_field="level"):
    """Noise that hides single rows (docs/spec/privacy.md): what a round's training does, and what all rounds of all
    jobs of `scope` may cost a member's rows, as (`epsilon`, `delta`). Left out, `noise` is the least with which the
    job's rounds are within that, and `orders` what gives most rounds."""

    clip: Decimal
    sampling: Decimal
    steps: int
    epsilon: Decimal
    delta: Decimal
    scope: str
    noise: Decimal | None = None
    orders: int | None = None


class DraftMembers(Strict, frozen=True, tag="client", tag_field="level"):
    """Noise under masks that hides whole members: the same of a member's updates, whose clip is the draft's
    `admission.max_norm`. `noise` is what the least set adds to its sum, in clips."""

    epsilon: Decimal
    delta: Decimal
    scope: str
    noise: Decimal | None = None
    orders: int | None = None


class DraftPrivate(Strict, frozen=True):
    """Tensors that stay at home, as the job says it, in any order (docs/spec/job.md, "Private tensors")."""

    tensors: tuple[str, ...] = ()
    start: Literal["common"] = "common"


class DraftCompression(Strict, frozen=True):
    """How updates are compressed (docs/spec/job.md, "Compressed updates"). Error feedback is on with 4 bits where the
    draft leaves it open, and else off: rounding to 8 bits costs next to nothing."""

    bits: Literal[8, 4] = 8
    error_feedback: bool | None = None

    @property
    def said(self) -> Compression:
        """What the job says."""
        feedback = self.bits == 4 if self.error_feedback is None else self.error_feedback
        return Compression(bits=self.bits, error_feedback=feedback)


class DraftTensors(Strict, frozen=True):
    """What holds for the tensors whose names match a pattern."""

    fraction_bits: int


class Draft(Strict, frozen=True):
    """The file that `fedledger job create` reads. `seed` makes the initial model; `tensors` is by pattern of names, in
    which * stands for any characters; `hold_out` is the share of its rows, in percent, that each party never trains on,
    proposed where it is left out. `server` is what is done with the mean update (`participant.jobs.server`), `schedule`
    when models are made, `analysis` what is counted instead of training one, `preparation` what becomes of columns,
    `permitted_use` what the model is for (`participant.jobs.preparation`). `start` is a model's file, where the initial
    one is not made from the seed.
    """

    name: str
    task: DraftTask
    admission: DraftAdmission
    terms: DraftTerms
    scoring: DraftScoring | None = None
    aggregation: DraftRule | None = None
    seed: int = 1
    fraction_bits: int = 24
    hold_out: int | None = None
    dp: DraftNoise | DraftMembers | None = None
    compression: DraftCompression | None = None
    tensors: dict[str, DraftTensors] = msgspec.field(default_factory=dict)
    privacy: DraftPrivacy = DraftPrivacy()
    private: DraftPrivate = DraftPrivate()
    schedule: DraftSchedule = DraftSchedule()
    server: dict[str, Any] = msgspec.field(default_factory=dict)
    hierarchy: DraftHierarchy | None = None
    start: str = ""
    preparation: dict[str, Any] | None = None
    permitted_use: dict[str, Any] | None = None
    analysis: DraftAnalysis | None = None

    @property
    def bits_by_pattern(self) -> dict[str, int]:
        """Fraction bits by pattern of tensors' names."""
        return {pattern: tensors.fraction_bits for pattern, tensors in self.tensors.items()}


def read(path: Path, *, masked: bool = False) -> Draft:
    """Read a draft; `masked` stands for a mode that it leaves out. Raises UsageError where there is none, or where it
    says another mode, Malformed where it breaks its form.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_DRAFT + 1)
        if len(data) > MAX_DRAFT:
            raise Malformed("the draft is too large", file=str(path), maximum=MAX_DRAFT)
        written = filled(tomllib.loads(data.decode(), parse_float=_decimal))
        draft = msgspec.convert(written, Draft)
        if masked:
            draft = _masked(draft, written.get("privacy", {}), path)
        draft.privacy.check()
        server_of(draft.server)
        schedule_of(draft.schedule)
        preparation_of(draft.preparation)
        permitted_use_of(draft.permitted_use)
        return _placed(draft, path.parent)
    except FileNotFoundError as error:
        raise UsageError("no such draft", file=str(path)) from error
    except OSError as error:
        raise Unavailable(f"cannot read the draft: {error.strerror}", file=str(path)) from error
    except (ValueError, RecursionError, msgspec.ValidationError) as error:  # tomllib raises a ValueError of any kind
        said = str(error)[:SHOWN]
        field, fields = told(said, "", Draft)
        what = f"the draft is not valid: {field or said}"
        raise Malformed(what, advice=_way_out(said) or fields, file=str(path)) from error


def _way_out(said: str) -> str:
    """What a section takes that is not valid, where there are words for it."""
    if "$.compression" in said:
        return "say bits = 8 or bits = 4, and error_feedback = true or false"
    if "$.aggregation" in said:
        return f"the rules, and the number that each takes: {rules()}"
    return 'say on_norm = "refuse" or "clip"' if "$.admission.on_norm" in said else ""


def bounded(field: str, value: Decimal) -> Decimal:
    """A decimal number that may be reckoned with. Raises Malformed for more than `MAX_DIGITS` digits, NaN, infinity."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -MAX_DIGITS or value.adjusted() >= MAX_DIGITS:
        raise Malformed(
            f"{field} is not valid",
            expected=f"a decimal number with at most {MAX_DIGITS} digits before the point, and after it",
            actual=str(value)[:SHOWN],
        )
    return value


def _decimal(text: str) -> Decimal:
    """A decimal number as written; not a number where its exponent has no place in one, which every field refuses."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")


def _masked(draft: Draft, written: dict[str, Any], path: Path) -> Draft:
    if "mode" in written and not draft.privacy.masked:
        raise UsageError(
            "the draft says how its updates are protected",
            advice="leave --masked out, or mode in the draft's [privacy]",
            file=str(path),
            mode=draft.privacy.mode[:SHOWN],
        )
    return msgspec.structs.replace(draft, privacy=msgspec.structs.replace(draft.privacy, mode="masked"))


def _placed(draft: Draft, folder: Path) -> Draft:
    """A set's file, a model's, and edges' member lists, are named as seen from the draft."""
    if draft.start:
        draft = msgspec.structs.replace(draft, start=str(folder / draft.start))
    if draft.hierarchy is not None:
        draft = msgspec.structs.replace(draft, hierarchy=draft.hierarchy.placed(folder))
    if draft.scoring is None or not draft.scoring.set:
        return draft
    scoring = msgspec.structs.replace(draft.scoring, set=str(folder / draft.scoring.set))
    return msgspec.structs.replace(draft, scoring=scoring)


def settings(written: dict[str, Any]) -> dict[str, Setting]:
    """Settings as the job has them: decimals as text, lists as lists of text, what a table has under the table's name
    and its own ("run.epochs"). Raises Malformed for anything else.
    """
    made = dict[str, Setting]()
    for name, value in _flat(written):
        if name in made:
            raise Malformed(f"setting {name!r} stands twice in the draft", advice="leave one of them out")
        made[name] = _setting(name, value)
    return made


def _flat(written: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in written.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", found) for inner, found in _flat(value))
        else:
            yield name, value


def _setting(name: str, value: Any) -> Setting:
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise Malformed(f"setting {name!r} is not valid", expected=f"an integer of at most {MAX_BITS} bits")
    if isinstance(value, list):
        return [_text(name, item) for item in value]
    return value if isinstance(value, bool | int | str) else _text(name, value)


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal) and value.is_finite():
        return f"{bounded(f'setting {name!r}', value):f}"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= MAX_BITS:
        return str(value)
    raise Malformed(
        f"setting {name!r} is not valid",
        expected="a text, an integer, a decimal number, true or false, or a list of texts or numbers",
        actual=type(value).__name__ if isinstance(value, int) else str(value)[:200],
    )
