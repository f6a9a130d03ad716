"""A draft's `[preparation]` and `[permitted_use]`, and the settings of a task that follow (docs/tasks.md)."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from ledger.errors import Malformed
from ledger.jobs.document import Setting
from ledger.jobs.permitted_use import PermittedUse, check_permitted_use
from ledger.jobs.preparation import Preparation, check_preparation
from participant.jobs.fields import told
from participant.tasks.data.preparing.agreement import check_settings

MAX_DEPTH = 8
MAX_EXPONENT = 20
SHOWN = 300
T = TypeVar("T")


def preparation_of(written: Mapping[str, Any] | None) -> Preparation | None:
    """What the job says of its preparation; numbers may be written as such. Raises Malformed."""
    if written is None:
        return None
    said = _converted(_texts(written, "preparation", MAX_DEPTH), Preparation, "preparation")
    check_preparation(said)
    return said


def permitted_use_of(written: Mapping[str, Any] | None) -> PermittedUse | None:
    """What the job says of its permitted use; `expires` may be a date. Raises as `preparation_of`."""
    if written is None:
        return None
    plain = dict(written)
    if isinstance(plain.get("expires"), date) and not isinstance(plain["expires"], datetime):
        plain["expires"] = plain["expires"].isoformat()
    said = _converted(plain, PermittedUse, "permitted_use")
    check_permitted_use(said)
    return said


def _converted(written: Any, kind: type[T], section: str) -> T:
    try:
        return msgspec.convert(written, kind)
    except msgspec.ValidationError as error:
        field, fields = told(str(error), section, kind)
        raise Malformed(
            f"the draft's [{section}] is not valid: {field or str(error)[:SHOWN]}",
            advice=fields or f"docs/tasks.md has an example, and docs/spec/job.md every field of {section}",
        ) from error


def prepared_settings(settings: Mapping[str, Setting], preparation: Preparation | None) -> dict[str, Setting]:
    """A task's settings with `columns` and `ranges` as the preparation makes them, where the draft leaves them out.

    Raises as `check_settings`.
    """
    if preparation is None:
        return dict(settings)
    outputs = preparation.outputs
    derived: dict[str, Setting] = {
        "columns": [output.name for output in outputs],
        "ranges": [output.range for output in outputs],
    }
    both = derived | dict(settings)
    check_settings(both, preparation)
    return both


def _texts(value: Any, where: str, depth: int) -> Any:
    """The same with every number as a decimal text."""
    if depth == 0:
        raise Malformed(f"{where} is nested too deeply", maximum=MAX_DEPTH)
    if isinstance(value, Mapping):
        return {key: _texts(inner, f"{where}.{key}"[:120], depth - 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [_texts(inner, where, depth - 1) for inner in value]
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return value
    number = Decimal(value) if abs(value) < 10**MAX_EXPONENT else Decimal("NaN")
    if not number.is_finite() or (number and number.adjusted() < -MAX_EXPONENT):
        raise Malformed(
            f"a number of {where} is not valid",
            advice="write it with at most 15 digits on either side of the point; other units may help",
            actual=str(value)[:80],
        )
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
