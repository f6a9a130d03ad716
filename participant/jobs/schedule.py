"""A draft's `[schedule]`: whether a round waits for everyone, or for as many updates as come first (docs/tasks.md)."""

from typing import Literal

from ledger.errors import Malformed
from ledger.formats.strict import Strict
from ledger.jobs.schedule import ROUNDS, Buffered, Schedule

MAX_STALENESS = 10
"""Models that may have been finalised since, where the draft does not say."""


class DraftSchedule(Strict, frozen=True):
    """When models are made (docs/tasks.md, "Asynchronous"): a round waits for everyone, or for `buffer` updates."""

    mode: Literal["rounds", "buffered"] = "rounds"
    buffer: int = 0
    max_staleness: int | None = None
    staleness: Literal["sqrt", "none"] | None = None


def schedule_of(written: DraftSchedule) -> Schedule:
    """What the job says of its schedule. Raises Malformed for a buffer without its mode, and the other way round."""
    buffered = written.mode == "buffered"
    said = written.buffer or written.max_staleness is not None or written.staleness is not None
    if buffered != bool(written.buffer) or (said and not buffered):
        raise Malformed(
            "schedule.mode = buffered and schedule.buffer go together, and the rest of [schedule] with them",
            advice='say mode = "buffered" and buffer = the number of updates that a model is made of; or leave all out',
            mode=written.mode,
            buffer=written.buffer,
        )
    if not buffered:
        return ROUNDS
    most = MAX_STALENESS if written.max_staleness is None else written.max_staleness
    return Buffered(max_staleness=most, staleness=written.staleness or "sqrt")


def buffer_of(written: DraftSchedule) -> int:
    """What the terms say of it. Raises as `schedule_of`."""
    schedule_of(written)
    return written.buffer
