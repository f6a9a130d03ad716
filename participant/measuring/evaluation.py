"""Evaluating global models from the ledger on data of one's own."""

import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

from ledger.config import Home
from ledger.errors import Unavailable, UsageError
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.keys import address_of
from ledger.party.connection import Connection
from ledger.party.publishing import read_file
from ledger.releases.report import FORMAT, Evaluation, PartyFigures, RoundFigures, check, decimal, join
from ledger.rounds.facts import Base, base_of, read_model
from ledger.store import disk
from participant.integers.artifacts import stream_of_body
from participant.integers.fixed_point import Stream
from participant.measuring.figures import beside
from participant.tasks.data.files import DataFiles
from participant.trainer.messages import DataRead, Measure, Measured, ReadData
from participant.trainer.trainers import Trainers

Line = dict[str, object]
RETRY = 0.5


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
    """A model's integers, checked against the root on the ledger. Raises as `ledger.rounds.outcome.read_model`."""
    return stream_of_body(job.layout, read_model(connection.place, state, job, base, connection.fetch))


def lines(
    connection: Connection, number: int | None, rounds: list[int], data: DataFiles, trainers: Trainers
) -> Iterator[Line]:
    """One line for each model of `rounds`, or for the latest: job, round, model's root, the task's figures on `data`.

    Raises UsageError where there is no such job or model, the task is not the one approved, or its code fails;
    Unavailable where document or model cannot be fetched.
    """
    connection.refresh()
    state = connection.job(number)
    chosen = rounds or (finalised(state) or [0])[-1:]
    evaluator = Evaluator(connection, data, trainers)
    for round_ in chosen:
        yield evaluator.line(state, round_)


def follow(
    connection: Connection,
    number: int | None,
    data: DataFiles,
    trainers: Trainers,
    note: Callable[[str], None],
    poll: float = 2.0,
) -> Iterator[Line]:
    """A line for each finalised model as it comes, until the job is complete.

    What is not there yet is waited for: a job that is not open, chain, holders. `note` hears of it once.
    """
    evaluator, known, said = Evaluator(connection, data, trainers), set[int](), ""
    while True:
        try:
            state = _open_job(connection, number)
            for round_ in finalised(state) if state else []:
                if state is not None and round_ not in known:
                    yield evaluator.line(state, round_)
                    known.add(round_)
            if state is not None and state.complete:
                return
            connection.follower.wait(poll)
        except Unavailable as error:
            if error.message != said:
                note(said := error.message)
            time.sleep(RETRY)


def add_to_report(connection: Connection, home: Home, measured: Sequence[Line], path: Path) -> Evaluation:
    """Add this party's figures on the newest model measured to the report in a file, made where there is none.

    The figures of earlier rounds go with them. Raises UsageError where this party is not a member, or is in the report
    already, or the report is on another model.
    """
    newest = max(measured, key=_round_of)
    if _round_of(newest) == 0:
        raise UsageError("the initial model has no report: only a finalised one can be released")
    rounds = {_round_of(line): RoundFigures(round=_round_of(line), metrics=_figures(line)) for line in measured}
    report = Evaluation(
        fedledger=FORMAT,
        chain=connection.place.chain,
        ledger=connection.place.contract,
        job=int(str(newest["job"])),
        round=_round_of(newest),
        root=str(newest["model"]),
        parties=(_party(connection, home, newest),),
        rounds=tuple(rounds[number] for number in sorted(rounds)),
    )
    check(report)
    if path.exists():
        report = join([read_file(path), report])
    disk.write_whole(path, [report.encode()])
    return report


def _party(connection: Connection, home: Home, line: Line) -> PartyFigures:
    key = address_of(home.keystore)
    member = next((one for one in connection.history.members.values() if one.key == key), None)
    if member is None:
        raise UsageError("only a member reports figures", advice="fedledger node join", key=key)
    samples = line.get("samples")
    if not isinstance(samples, int | float) or samples != int(samples):
        raise UsageError("the task does not say on how many samples it measured", task_says=str(samples))
    return PartyFigures(party=connection.name(member.index), key=key, samples=int(samples), metrics=_figures(line))


def _figures(line: Line) -> dict[str, str]:
    """A task's figures as decimals."""
    try:
        return {
            name: decimal(Fraction(value))
            for name, value in line.items()
            if isinstance(value, float) and name != "samples"
        }
    except (ValueError, OverflowError) as error:
        raise UsageError(f"a figure is not a number: {error}", line=str(line)) from error


def _round_of(line: Line) -> int:
    return int(str(line["round"]))


def _open_job(connection: Connection, number: int | None) -> JobState | None:
    jobs = connection.refresh().jobs
    chosen = number or max(jobs, default=0)
    return jobs[chosen] if chosen in jobs and jobs[chosen].open else None


class Evaluator:
    """Evaluates models on a party's data, in a trainer: the task is loaded once for each job, its data read once."""

    def __init__(self, connection: Connection, data: DataFiles, trainers: Trainers) -> None:
        self._connection, self._data, self._trainers = connection, data, trainers
        self._read: set[int] = set()

    def line(self, state: JobState, number: int) -> Line:
        """What one model is worth. Raises as `lines`."""
        job, trainers = self._connection.document(state), self._trainers
        base, path = model_of(state, job, number), self._data.found(state.number, job.task.name)
        if state.number not in self._read:
            trainers.ask(job, state.number, ReadData(), path, DataRead)
            self._read.add(state.number)
        model = read(self._connection, state, job, base)
        said: Line = {"job": state.number, "round": number, "model": base.root.hex()}
        measured = trainers.ask(job, state.number, Measure(), path, Measured, model=model, round=number)
        return beside(job.task.name, said, measured.floats())
