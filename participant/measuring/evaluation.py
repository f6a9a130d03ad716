"""Evaluating global models from the ledger on data of one's own."""

import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import msgspec

from ledger.errors import Unavailable, UsageError
from ledger.history.state import JobState
from ledger.jobs.document import Job
from ledger.keys import address_of
from ledger.party.connection import Connection
from ledger.party.publishing import read_file
from ledger.releases.counts import Counts, decimal
from ledger.releases.personal import PersonalFigures
from ledger.releases.report import FORMAT, Evaluation, PartyFigures, RoundFigures, Rows, check, join
from ledger.releases.sums import Sums
from ledger.rounds import facts
from ledger.rounds.facts import Base, read_model
from ledger.store import disk
from participant.integers.artifacts import stream_of_body
from participant.integers.fixed_point import Stream
from participant.measuring.figures import beside
from participant.measuring.own_rows import OwnRows
from participant.measuring.personal import personal_models
from participant.tasks.data.files import DataFiles
from participant.trainer.messages import Measure, Measured
from participant.trainer.trainers import Trainers

Line = dict[str, object]
RETRY = 0.5


def model_of(state: JobState, job: Job, number: int) -> Base:
    """The model that round `number` finalised; round 0 is the initial model. Raises UsageError where there is none."""
    if (number and number not in state.rounds) or (number and state.rounds[number].final is None):
        raise UsageError(
            f"round {number} of job {state.number} has no finalised model",
            rounds=", ".join(map(str, finalised(state))) or "none yet",
        )
    return facts.model_of(state, job, number)


def finalised(state: JobState) -> list[int]:
    """Rounds with a finalised model."""
    return [number for number, round_ in state.rounds.items() if round_.final is not None]


def read(connection: Connection, state: JobState, job: Job, base: Base) -> Stream:
    """A model's integers, checked against the root on the ledger. Raises as `ledger.rounds.outcome.read_model`."""
    return stream_of_body(job.layout, read_model(connection.place, state, job, base, connection.fetch))


def lines(evaluator: "Evaluator", number: int | None, rounds: list[int]) -> Iterator[Line]:
    """One line for each model of `rounds`, or for the latest: job, round, model's root, which rows were measured, the
    task's figures on them, and its counts.

    Raises UsageError where there is no such job or model, the task is not the one approved, or its code fails;
    Unavailable where document or model cannot be fetched.
    """
    evaluator.connection.refresh()
    state = evaluator.connection.job(number)
    chosen = rounds or ([one for one in finalised(state) if not state.is_convicted(one)] or [0])[-1:]
    for round_ in chosen:
        yield evaluator.line(state, round_)


def follow(
    evaluator: "Evaluator", number: int | None, note: Callable[[str], None], poll: float = 2.0
) -> Iterator[Line]:
    """A line for each finalised model as it comes, until the job is complete.

    What is not there yet is waited for: a job that is not open, chain, holders. `note` hears of it once.
    """
    connection, known, said = evaluator.connection, set[int](), ""
    connection.follower.only_watch()
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


def add_to_report(own: OwnRows, measured: Sequence[Line], path: Path) -> Evaluation:
    """Add this party's figures on the newest model measured to the report in a file, made where there is none.

    The figures of earlier rounds go with them. Raises UsageError where this party is not a member, or is in the report
    already, or the report is on another model.
    """
    connection = own.connection
    newest = max(measured, key=_round_of)
    if _round_of(newest) == 0:
        raise UsageError("the initial model has no report: only a finalised one can be released")
    report = Evaluation(
        fedledger=FORMAT,
        chain=connection.place.chain,
        ledger=connection.place.contract,
        job=int(str(newest["job"])),
        round=_round_of(newest),
        root=str(newest["model"]),
        parties=(_party(own, newest, measured),),
    )
    check(report)
    if path.exists():
        report = join([read_file(path), report])
    disk.write_whole(path, [report.encode()])
    return report


def _party(own: OwnRows, line: Line, measured: Sequence[Line]) -> PartyFigures:
    key, connection = address_of(own.home.keystore), own.connection
    member = own.member
    if member is None or member.key != key:
        raise UsageError("only a member reports figures", advice="fedledger node join", key=key)
    rows, counts, sums = msgspec.convert(line["rows"], Rows), line.get("counts"), line.get("sums")
    rounds = {_round_of(one): RoundFigures(round=_round_of(one), metrics=figures(one)) for one in measured}
    shown = None
    if rows == "held_out":
        state = connection.job(int(str(line["job"])))
        shown = own.held_out(state, connection.document(state), _round_of(line))
    return PartyFigures(
        party=connection.name(member.index),
        key=key,
        samples=samples_of(line),
        rows=rows,
        metrics=figures(line),
        counts=counts if isinstance(counts, Counts) else None,
        sums=sums if isinstance(sums, Sums) else None,
        held_out=shown,
        personal=msgspec.convert(line.get("personal", ()), tuple[PersonalFigures, ...]),
        rounds=tuple(rounds[number] for number in sorted(rounds)),
    )


def samples_of(line: Line) -> int:
    """On how many samples a model was measured. Raises UsageError where the task does not say so."""
    samples = line.get("samples")
    if not isinstance(samples, int | float) or samples != int(samples):
        raise UsageError("the task does not say on how many samples it measured", task_says=str(samples))
    return int(samples)


def figures(line: Line) -> dict[str, str]:
    """A task's figures as decimals. Raises UsageError for one that is not a number."""
    return {
        name: decimal_of(name, value) for name, value in line.items() if isinstance(value, float) and name != "samples"
    }


def decimal_of(name: str, value: float) -> str:
    """A figure as a decimal. Raises UsageError for one that is not a number."""
    try:
        return decimal(Fraction(value))
    except (ValueError, OverflowError) as error:
        raise UsageError(f"a figure is not a number: {error}", figure=name) from error


def _round_of(line: Line) -> int:
    return int(str(line["round"]))


def _open_job(connection: Connection, number: int | None) -> JobState | None:
    jobs = connection.refresh().jobs
    chosen = number or max(jobs, default=0)
    return jobs[chosen] if chosen in jobs and jobs[chosen].open else None


class Evaluator:
    """Evaluates models on `rows` of a party's data, in a trainer: a job's task is loaded once, its data read once.
    `personal` has the party's own models measured beside each.
    """

    def __init__(
        self, own: OwnRows, data: DataFiles, trainers: Trainers, rows: Rows, *, personal: bool = False
    ) -> None:
        self.own, self.connection, self._personal = own, own.connection, personal
        self._data, self._trainers, self._wanted = data, trainers, rows
        self._read: dict[int, Rows] = {}

    def line(self, state: JobState, number: int) -> Line:
        """What one model is worth. Raises as `lines`."""
        job, trainers = self.connection.document(state), self._trainers
        base, path = model_of(state, job, number), self._data.found(state.number, job.task.name)
        if state.number not in self._read:
            self._read[state.number] = self.own.read(state, job, path, self._wanted, trainers)
        rows, model = self._read[state.number], read(self.connection, state, job, base)
        do = Measure(rows=self._wanted, counts=True)
        measured = trainers.ask(job, state.number, do, path, Measured, model=model, round=number)
        said: Line = {"job": state.number, "round": number, "model": base.root.hex(), "rows": rows}
        others = self._others(state, job, number, path, model) if self._personal else None
        told = {"counts": measured.counts, "sums": measured.sums, "personal": others}
        line = beside(job.task.name, said | told, measured.floats())
        return {name: value for name, value in line.items() if value is not None}

    def _others(self, state: JobState, job: Job, number: int, path: Path, model: Stream) -> tuple[PersonalFigures, ...]:
        """What the party's own models of the round are worth, on the same rows. Raises UsageError where it has none."""
        found = personal_models(self.own, state, job, number)
        if not found:
            raise UsageError(
                f"this home has no personal model of round {number}",
                advice=f"make one: fedledger node personalise --method fine_tune --steps 100 --round {number}",
                job=state.number,
            )
        do, figures = Measure(rows=self._wanted), list[PersonalFigures]()
        for kind, own in found.items():
            told = self._trainers.ask(job, state.number, do, path, Measured, model=model, own=own, round=number)
            metrics = {name: decimal_of(name, value) for name, value in told.floats().items() if name != "samples"}
            figures.append(PersonalFigures(personal=True, kind=kind, metrics=metrics))
        return tuple(figures)
