"""What noise costs in accuracy, on data of one's own, before anybody votes: a job simulated at several ε.

Every model is trained as the nodes would train it (`participant.simulation.simulation`); the noise is that of the seed,
which is known, so nothing here is private.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import NamedTuple

import msgspec

from ledger.errors import UsageError
from ledger.formats.unixfs import cid_of
from ledger.jobs.members import ClientNoise
from ledger.jobs.noise import ExampleNoise
from participant.jobs.creation import create
from participant.jobs.draft import Draft, DraftMembers, DraftNoise
from participant.jobs.noise import noise_of
from participant.jobs.proposals import Electorate
from participant.simulation.record import Row
from participant.simulation.simulation import Simulation, Wanted

UNCLIPPED = 100
"""So many clips no update's norm is beyond, where the clip was chosen with sense."""


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """A draft with a section `dp`, tried at each ε with each seed; else as `participant.simulation.simulation.Wanted`.
    `rounds` None takes the draft's.
    """

    draft: Draft
    data: tuple[Path, ...]
    test: Path | None
    clients: int
    partition: str
    rounds: int | None
    epsilons: tuple[Decimal, ...]
    seeds: int


class Planned(NamedTuple):
    """What came out at one ε, None without noise: the job's noise, figures in the mean over the seeds, the least and
    most of the first of them, and the fewest updates that a round admitted.
    """

    epsilon: Decimal | None
    noise: ExampleNoise | ClientNoise | None
    rounds: int
    figures: dict[str, float]
    spread: tuple[float, float]
    admitted: int


class _Run(NamedTuple):
    noise: ExampleNoise | ClientNoise | None
    rows: Sequence[Row]


def plan(request: PlanRequest, figure: str, advance: Callable[[int], None] = lambda _: None) -> Iterator[Planned]:
    """A row without noise, then one for each ε. `figure` is what `spread` is of; `advance` hears of rounds.

    Raises UsageError where the draft has no `dp`, or the task, its data or `figure` do not fit; Malformed where no
    noise is enough.
    """
    said = request.draft.dp
    if said is None:
        raise UsageError(
            "the draft asks for no noise, so there is nothing to plan",
            advice="give it a section [dp] (docs/spec/privacy.md)",
            draft=request.draft.name,
        )
    drafts: list[tuple[Decimal | None, Draft]] = [(None, _plain(request.draft, said))]
    drafts += [(one, _noisy(request.draft, said, one, _rounds(request))) for one in request.epsilons]
    for epsilon, draft in drafts:
        runs = [_run(request, draft, seed, advance) for seed in range(1, request.seeds + 1)]
        yield _planned(epsilon, runs, figure, _rounds(request))


def _rounds(request: PlanRequest) -> int:
    return request.rounds or request.draft.terms.rounds


def _noisy(draft: Draft, said: DraftNoise | DraftMembers, epsilon: Decimal, rounds: int) -> Draft:
    """The draft at another ε, its noise chosen for that."""
    if isinstance(said, DraftMembers):
        dp = msgspec.structs.replace(said, epsilon=epsilon, noise=None)
        return msgspec.structs.replace(draft, dp=dp, terms=msgspec.structs.replace(draft.terms, rounds=rounds))
    chosen = noise_of(msgspec.structs.replace(said, epsilon=epsilon, noise=None), rounds)
    known = msgspec.structs.replace(said, epsilon=epsilon, noise=chosen.decimal("noise"), orders=chosen.orders)
    return msgspec.structs.replace(draft, dp=known)


def _plain(draft: Draft, said: DraftNoise | DraftMembers) -> Draft:
    """The draft without noise; where its rows were to be hidden, with as many passes over them, in batches of the
    task's own size; where its members were, without their clip.
    """
    if isinstance(said, DraftMembers):
        loose = msgspec.structs.replace(draft.admission, max_norm=UNCLIPPED * draft.admission.max_norm)
        return msgspec.structs.replace(draft, dp=None, admission=loose)
    passes = max(1, round(said.steps * said.sampling))
    task = msgspec.structs.replace(draft.task, settings=draft.task.settings | {"epochs": passes})
    return msgspec.structs.replace(draft, dp=None, task=task)


def _run(request: PlanRequest, draft: Draft, seed: int, advance: Callable[[int], None]) -> _Run:
    with TemporaryDirectory(prefix="fedledger-plan-") as folder:
        electorate = Electorate(request.clients, request.clients)
        job = create(draft, lambda pieces, _: cid_of(pieces)[0], electorate=electorate, open_set=False)
        document = Path(folder) / "job.json"
        document.write_bytes(job.encode())
        wanted = Wanted(
            job=document,
            data=request.data,
            test=request.test,
            clients=None if len(request.data) > 1 else request.clients,
            rounds=_rounds(request),
            partition=request.partition,
            ledger="none",
            seed=seed,
            exact=True,
            device="cpu",
            folder=Path(folder) / "results",
            workers=1,
        )
        simulation = Simulation(wanted)
        simulation.run(lambda _: advance(1))
        return _Run(job.dp, simulation.results.rows)


def _planned(epsilon: Decimal | None, runs: Sequence[_Run], figure: str, rounds: int) -> Planned:
    last = [one.rows[-1].figures for one in runs]
    names = [name for name in last[0] if all(one.get(name) is not None for one in last)]
    if figure not in names:
        raise UsageError("the task has no such figure", figure=figure, figures=", ".join(sorted(names)))
    values = [float(one[figure] or 0.0) for one in last]
    return Planned(
        epsilon,
        runs[0].noise,
        rounds,
        {name: fmean(float(one[name] or 0.0) for one in last) for name in names},
        (min(values), max(values)),
        min(row.admitted for one in runs for row in one.rows),
    )
