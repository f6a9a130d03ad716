"""The history as of one moment, safe to read from other threads while the history itself goes on."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ledger.events.members import SuccessorNamed
from ledger.history.decisions import Decisions
from ledger.history.fold import History
from ledger.history.phases import present
from ledger.history.state import JobState, Member, Scoring
from ledger.rounds.weights import ScoreTally, tallied


@dataclass(frozen=True, slots=True)
class Standings:
    """What a job's scores add up to, by member index, up to the scoring `last`: the last that was settled, if any."""

    last: Scoring | None
    tallies: Mapping[int, ScoreTally]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Members, jobs, rounds and decisions up to `block`; nobody changes them any more.

    `owners` maps every key to its member, `standings` every job to what its scores add up to.
    """

    block: int
    applied: int
    epoch: int
    members: Mapping[int, Member]
    jobs: Mapping[int, JobState]
    owners: Mapping[str, int]
    decisions: Decisions
    successor: SuccessorNamed | None
    standings: Mapping[int, Standings]

    @property
    def ended(self) -> int:
        """How many rounds have ended."""
        last = [job.current for job in self.jobs.values() if job.current is not None]
        return sum(len(job.rounds) for job in self.jobs.values()) - sum(not round_.phase.terminal for round_ in last)

    def turned(self, before: int, now: int) -> bool:
        """Whether a proposal's state, or a round's or a scoring's phase, differs between two times."""
        made, scorings = self.decisions.proposals.values(), (job.scoring for job in self.jobs.values())
        rounds = ((job.current, job.terms) for job in self.jobs.values() if job.current is not None)
        return (
            any(one.ended is None and one.state(before) is not one.state(now) for one in made)
            or any(present(one, terms, before) != present(one, terms, now) for one, terms in rounds)
            or any(one is not None and one.phase(before) is not one.phase(now) for one in scorings)
        )


def freeze(history: History, block: int, before: Snapshot | None = None) -> Snapshot:
    """Copy what may still change: what has ended never does, so the cost is that of rounds and scorings under way.

    Scores are added up from where `before`, a snapshot of the same history, had got to.
    """
    known = before.standings if before else {}
    members = {index: replace(member, keys=list(member.keys)) for index, member in history.members.items()}
    return Snapshot(
        block=block,
        applied=history.applied,
        epoch=history.epoch,
        members=members,
        jobs={number: _frozen(state) for number, state in history.jobs.items()},
        owners={key: member.index for member in members.values() for key in member.keys},
        decisions=history.decisions.copy(),
        successor=history.successor,
        standings={number: _standings(state, known.get(number)) for number, state in history.jobs.items()},
    )


def _standings(state: JobState, before: Standings | None) -> Standings:
    """A settled scoring never changes; if another has taken its place, all are added up again."""
    last = next((one for one in reversed(state.scorings.values()) if one.medians is not None), None)
    known = before.last if before else None
    if before is None or known is None or state.scorings.get(known.round) is not known:
        return Standings(last, tallied(state))
    return before if last is known else Standings(last, tallied(state, known=before.tallies, after=known.round))


def _frozen(state: JobState) -> JobState:
    rounds = dict(state.rounds)
    current = state.current
    if current is not None:  # members that agree late go on record after its end, too
        rounds[current.number] = copy.deepcopy(current)
    scorings = dict(state.scorings)
    scoring = state.latest_scoring
    if scoring is not None and scoring.outcome is None:
        scorings[scoring.round] = copy.deepcopy(scoring)
    return replace(state, rounds=rounds, strikes=dict(state.strikes), scorings=scorings)
