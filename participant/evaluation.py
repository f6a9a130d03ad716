"""Evaluating global models from the ledger on data of one's own."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ledger.connection import Connection
from ledger.errors import UsageError
from ledger.history import JobState
from ledger.job import Job
from ledger.rounds import Base, base_of, read_model
from participant.artifacts import stream_of_body
from participant.fixed_point import Stream

if TYPE_CHECKING:
    from participant.local import Local


def model_of(state: JobState, job: Job, number: int) -> Base:
    """The model that round `number` finalised; round 0 is the initial model. Raises UsageError where there is none."""
    if number == 0:
        return base_of(state, job, 1)
    if number not in state.rounds or state.rounds[number].final is None:
        raise UsageError(
            f"round {number} of job {state.number} has no finalised model",
            rounds=", ".join(map(str, finalised(state))) or "none yet",
        )
    return base_of(state, job, number + 1)


def finalised(state: JobState) -> list[int]:
    """Rounds with a finalised model."""
    return [number for number, round_ in state.rounds.items() if round_.final is not None]


def read(connection: Connection, state: JobState, job: Job, base: Base) -> Stream:
    """A model's integers, checked against the root on the ledger. Raises as `ledger.rounds.read_model`."""
    return stream_of_body(job.layout, read_model(connection.place, state, job, base, connection.fetch))


def lines(
    connection: Connection, number: int | None, rounds: list[int] | None, data: Path, *, follow: bool, poll: float = 2.0
) -> Iterator[dict[str, object]]:
    """One line a model: job, round, model's root, and the task's figures on `data`.

    Without `rounds`, the latest model; with `follow`, every finalised one as it comes, until the job is complete.
    """
    from participant.local import Local

    known: set[int] = set()
    local: Local | None = None
    while True:
        connection.refresh()
        if not follow or connection.history.jobs.get(number or 1):
            state = connection.job(number)
            number = state.number
            if state.open or not follow:
                job = connection.document(state)
                local = local or Local.of(job)
                due = finalised(state) if follow else rounds
                for chosen in _latest(state) if due is None else due:
                    if chosen not in known:
                        yield _line(connection, state, job, local, chosen, data)
                        known.add(chosen)
            if not follow or state.complete:
                return
        connection.follower.wait(poll)


def _latest(state: JobState) -> list[int]:
    return (finalised(state) or [0])[-1:]


def _line(
    connection: Connection, state: JobState, job: Job, local: "Local", number: int, data: Path
) -> dict[str, object]:
    base = model_of(state, job, number)
    merit = local.evaluate(read(connection, state, job, base), data)
    return {"job": state.number, "round": number, "model": base.root.hex(), **merit}
