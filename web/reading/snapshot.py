"""The history as of one moment, safe to read from other threads while the history itself goes on."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from ledger.events.members import SuccessorNamed
from ledger.events.proposals import ProposalState
from ledger.history.budgets import Scopes
from ledger.history.decisions import Decisions
from ledger.history.fold import History
from ledger.history.phases import present
from ledger.history.state import JobState, Member, Scoring
from ledger.history.state.masking import JobMasks, MaskProposal
from ledger.index import BlockTime
from ledger.party.nodes.clock import FAR
from ledger.rounds.weights import ScoreTally, tallied
from web.reading.events.feed import Feed

NO_TIMES: Mapping[int, BlockTime] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Standings:
    """What a job's scores add up to, by member index, up to the scoring `last`: the last that was settled, if any."""

    last: Scoring | None
    tallies: Mapping[int, ScoreTally]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Members, jobs, rounds and decisions up to `block`; nobody changes them any more.

    `masks` are those of masked jobs, `scopes` what members spent of budgets; `owners` maps every key to its member,
    `standings` every job to what its scores add up to, `times` every block that holds an event to its time, as far as
    it is known; `feed` has the newest events, and may be ahead of `applied`.
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
    times: Mapping[int, BlockTime]
    feed: Feed
    masks: Mapping[int, JobMasks]
    scopes: Scopes

    @property
    def ended(self) -> int:
        """How many rounds have ended."""
        return sum(ended_rounds(self.jobs).values())

    @property
    def judged(self) -> tuple[object, ...]:
        """All that an audit answers for, counted: while it stays the same, another audit has nothing to add."""
        jobs = self.jobs.values()
        attempts = (
            (*(one.outcome for one in job.current.aggregates), job.current.phase.terminal) if job.current else None
            for job in jobs
        )
        decided = sum(made.ended is ProposalState.EXECUTED for made in self.decisions.proposals.values())
        finals = (state.base for state in jobs)
        scored = (one.last.round if one.last else 0 for one in self.standings.values())
        return (*((job.stage, len(job.rounds)) for job in jobs), *attempts, *finals, *scored, decided)

    def turned(self, before: int, now: int) -> bool:
        """Whether a proposal's state, or a round's or a scoring's phase, differs between two times."""
        made, scorings = self.decisions.proposals.values(), (job.scoring for job in self.jobs.values())
        rounds = ((job.current, job.terms) for job in self.jobs.values() if job.current is not None)
        return (
            any(one.ended is None and one.state(before) is not one.state(now) for one in made)
            or any(present(one, terms, before) != present(one, terms, now) for one, terms in rounds)
            or any(one is not None and one.phase(before) is not one.phase(now) for one in scorings)
        )

    def caught_up(self, before: int, now: int) -> bool:
        """Whether a block's time is ahead of one of two times by the own clock, and not of the other."""
        return any(is_ahead(one.time, before) != is_ahead(one.time, now) for one in self.times.values())


def is_ahead(time: int, read_at: int) -> bool:
    """Whether a block's time is further in the future, at a time by the own clock, than clocks differ."""
    return time > read_at + FAR


def ended_rounds(jobs: Mapping[int, JobState]) -> dict[int, int]:
    """How many rounds of each job have ended: all but one that is under way."""
    return {
        number: len(state.rounds) - (state.current is not None and not state.current.phase.terminal)
        for number, state in jobs.items()
    }


def freeze(
    history: History,
    block: int,
    before: Snapshot | None = None,
    times: Mapping[int, BlockTime] = NO_TIMES,
    feed: Feed | None = None,
) -> Snapshot:
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
        times=times,
        feed=feed or Feed(),
        masks={number: _frozen_masks(masks) for number, masks in history.masks.items()},
        scopes=Scopes(dict(history.scopes.budgets), dict(history.scopes.totals)),
    )


def _standings(state: JobState, before: Standings | None) -> Standings:
    """A settled scoring never changes; if another has taken its place, all are added up again."""
    last = next((one for one in reversed(state.scorings.values()) if one.medians is not None), None)
    known = before.last if before else None
    if before is None or known is None or state.scorings.get(known.round) is not known:
        return Standings(last, tallied(state))
    return before if last is known else Standings(last, tallied(state, known=before.tallies, after=known.round))


def _frozen_masks(masks: JobMasks) -> JobMasks:
    """Only the segment opened last and the last round with a set may still change."""
    segments, rounds = dict(masks.segments), dict(masks.rounds)
    if masks.latest:
        latest = segments[masks.latest]
        proposals = _frozen_proposals(latest.proposals)
        segments[masks.latest] = replace(latest, setups=dict(latest.setups), proposals=proposals)
    if rounds:
        last = next(reversed(rounds.values()))
        proposals, answers, given = _frozen_proposals(last.proposals), dict(last.answers), dict(last.given)
        rounds[last.round] = replace(last, proposals=proposals, answers=answers, given=given, shown=dict(last.shown))
    return replace(masks, segments=segments, rounds=rounds)


def _frozen_proposals(proposals: list[MaskProposal]) -> list[MaskProposal]:
    return [replace(one, agreeing=dict(one.agreeing)) for one in proposals]


def _frozen(state: JobState) -> JobState:
    rounds = dict(state.rounds)
    current = state.current
    if current is not None:  # members that agree late go on record after its end, too
        rounds[current.number] = copy.deepcopy(current)
    scorings = dict(state.scorings)
    scoring = state.latest_scoring
    if scoring is not None and scoring.outcome is None:
        scorings[scoring.round] = copy.deepcopy(scoring)
    spending = state.spending
    if spending is not None:
        spending = replace(spending, spent=dict(spending.spent), paid=dict(spending.paid))
    frozen = replace(state, rounds=rounds, strikes=dict(state.strikes), scorings=scorings, spending=spending)
    return replace(frozen, withdrawn=dict(state.withdrawn))
