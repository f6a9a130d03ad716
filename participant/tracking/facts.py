"""What of a ledger goes to MLflow: finalised rounds and releases, as deep in the chain as their consortium asks for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ledger.errors import FedledgerError
from ledger.events.encoding import reason_text
from ledger.events.proposals import Release
from ledger.history.state import JobState, Round
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.moments import Moments
from ledger.party.publishing import report_of
from ledger.releases.report import Evaluation
from ledger.rounds.facts import model_of

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class TrackedRound:
    """A finalised round: `tags` say where it is on the ledger, `metrics` are its numbers; times in milliseconds.

    `convicted` says why its model is not to be used: the court convicted it, or one that it stands on, or a rewind left
    it out; empty for a model that stands.
    """

    number: int
    root: str
    began: int
    ended: int
    tags: Mapping[str, str]
    metrics: Mapping[str, float]
    convicted: str = ""


@dataclass(frozen=True, slots=True)
class TrackedJob:
    """A job with a finalised round. `title` is the same wherever the job is looked at, and no other job's."""

    number: int
    title: str
    tags: Mapping[str, str]
    rounds: tuple[TrackedRound, ...]


@dataclass(frozen=True, slots=True)
class TrackedRelease:
    """A release; `current` says whether it is its name's, `curves` has its report's figures by round and name.

    `convicted` is as that of its round.
    """

    id: str
    name: str
    version: str
    job: int
    round: int
    source: str
    tags: Mapping[str, str]
    current: bool
    revoked: str | None
    curves: Mapping[int, Mapping[str, float]] = field(default_factory=dict)
    convicted: str = ""


@dataclass(frozen=True, slots=True)
class TrackedLedger:
    """All of it. `current` are the names that have a release in use, of any job; `troubles` say what could not be read:
    a report that nobody serves, a job's document.
    """

    tags: Mapping[str, str]
    jobs: tuple[TrackedJob, ...]
    releases: tuple[TrackedRelease, ...]
    current: frozenset[str]
    troubles: tuple[str, ...]


def read(connection: Connection, only: int | None = None) -> TrackedLedger:
    """What there is now, of one job where it is named. Raises UsageError where there is no such job, Unavailable."""
    history, deep = connection.refresh(), connection.deep().number
    place, troubles = connection.place, list[str]()
    where = {"chain": str(place.chain), "ledger": place.contract}
    states = [connection.job(only)] if only is not None else list(history.jobs.values())
    jobs = [made for state in states if (made := _job(connection, state, deep, where, troubles)) is not None]
    known = {job.number for job in jobs}
    releases = [one for one in history.decisions.releases.values() if one.block <= deep and one.job in known]
    return TrackedLedger(
        tags=where,
        jobs=tuple(jobs),
        releases=tuple(_release(connection, one, deep, where, troubles) for one in releases),
        current=frozenset(history.decisions.current),
        troubles=tuple(troubles),
    )


def _job(
    connection: Connection, state: JobState, deep: int, where: Mapping[str, str], troubles: list[str]
) -> TrackedJob | None:
    finals = [one for one in state.rounds.values() if one.final is not None and one.ended_in <= deep]
    if not finals:
        return None
    try:
        document = connection.document(state)
    except FedledgerError as error:
        troubles.append(f"job {state.number}: {error.message}")
        return None
    task = {"task": document.task.name, "task_version": document.task.version, "task_code": document.task.code}
    tags = {**where, "job": str(state.number), "job_digest": state.digest.hex(), **task}
    parties = {f"party_{index}": connection.name(index) for index in connection.history.members}
    moments = Moments(connection, *(block for one in finals for block in (one.block, one.ended_in)))
    return TrackedJob(
        number=state.number,
        title=f"fedledger {where['ledger']} on chain {where['chain']}, job {state.number}",
        tags={**tags, "name": document.name, **parties},
        rounds=tuple(_round(state, document, one, tags, moments, deep) for one in finals),
    )


def _round(
    state: JobState, job: Job, round_: Round, tags: Mapping[str, str], moments: Moments, deep: int
) -> TrackedRound:
    final = round_.final
    if final is None:
        raise ValueError("only finalised rounds are written down")
    began, ended = (_milliseconds(moments.of(block)["time"]) for block in (round_.block, round_.ended_in))
    admitted, scoring = round_.admitted(), state.scorings.get(round_.number)
    scores = state.scores(round_.number) if scoring and scoring.ended_in <= deep else {}
    metrics = {
        "updates": float(len(round_.updates)),
        "admitted": float(len(admitted)),
        "samples": float(sum(update.weight for update in admitted)),
        "attempts": float(round_.attempt),
        **{f"weight/party_{update.index}": float(update.weight) for update in admitted},
        **{f"score/party_{index}": score / MILLION for index, score in scores.items()},
    }
    root, cid = final.root.hex(), _cid(state, job, round_.number)
    own = {"round": str(round_.number), "root": root, "cid": cid, "claim": final.claim.hex(), "tx": final.tx.hex()}
    convicted = _convicted(state, round_.number, deep)
    return TrackedRound(round_.number, root, began, ended, {**tags, **own}, metrics, convicted)


def _convicted(state: JobState, number: int, deep: int) -> str:
    """Why the model of a round is not to be used, once the conviction is deep; empty for one that stands."""
    below = [one.said for one in state.convictions if one.said.round <= number and one.said.block <= deep]
    if not below or not state.is_convicted(number):
        return ""
    left = ", and a rewind left it out" if state.is_void(number) else ""
    final = state.rounds[number].final
    own = final is not None and any((one.round, one.claim) == (number, final.claim) for one in below)
    return ("the court convicted it" if own else "it stands on a model that the court convicted") + left


def _cid(state: JobState, job: Job, number: int) -> str:
    """The CID of a finalised round's model."""
    return str(model_of(state, job, number).cid)


def _milliseconds(time: object) -> int:
    return time * 1000 if isinstance(time, int) else 0


def _release(
    connection: Connection, release: Release, deep: int, where: Mapping[str, str], troubles: list[str]
) -> TrackedRelease:
    state = connection.history.jobs[release.job]
    cid = _cid(state, connection.document(state), release.round)
    revoked = release.revoked and release.revoked_in <= deep
    convicted = release.convicted and release.convicted_in <= deep
    why = (reason_text(release.reason) or release.reason.hex()) if revoked else None
    report = _report(connection, release, troubles)
    return TrackedRelease(
        id=release.id.hex(),
        name=release.name,
        version=release.version,
        job=release.job,
        round=release.round,
        source=f"ipfs://{cid}",
        tags={
            **where,
            "release": release.id.hex(),
            "version": release.version,
            "job": str(release.job),
            "job_digest": state.digest.hex(),
            "round": str(release.round),
            "root": release.root.hex(),
            "cid": cid,
            "report": release.report.hex() if any(release.report) else "",
            "tx": release.tx.hex(),
        },
        current=connection.history.decisions.current.get(release.name) is release and release.usable,
        revoked="its model is convicted" if convicted else why,
        curves=_curves(connection, release, report) if report else {},
        convicted=_convicted(state, release.round, deep),
    )


def _report(connection: Connection, release: Release, troubles: list[str]) -> Evaluation | None:
    try:
        return report_of(connection, release.action)
    except FedledgerError as error:
        troubles.append(f"the report of {release.name} {release.version}: {error.message}")
        return None


def _curves(connection: Connection, release: Release, report: Evaluation) -> dict[int, dict[str, float]]:
    """The report's figures by round: all parties' together of the released model, and each party's of every round."""
    keys = {key: member.index for member in connection.history.members.values() for key in member.keys}
    found: dict[int, dict[str, float]] = {release.round: dict(_numbers("", {**report.mean, **report.pooled}))}
    for party in report.parties:
        said = f"party_{keys[party.key]}/" if party.key in keys else f"{party.key}/"
        for number, metrics in [(release.round, party.metrics), *((one.round, one.metrics) for one in party.rounds)]:
            found.setdefault(number, {}).update(_numbers(said, metrics))
    return found


def _numbers(before: str, metrics: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    return ((before + name, float(value)) for name, value in metrics.items())
