"""What each page about decisions and members needs, as `builders` has it for the others."""

from itertools import islice
from typing import Annotated

from fastapi import Path, Query

from ledger.events.actions import ReleaseModel
from ledger.events.proposals import Release
from ledger.history.state import JobState, Round
from ledger.releases.card import FILE as CARD
from ledger.releases.file import NAME
from web.documents import decisions as g
from web.documents import ledger as d
from web.reading.counting import verdicts
from web.reading.decisions import DecisionReading
from web.reading.ledger import NotFound, Reading, judgement
from web.reading.scores import ScoreReading
from web.routes.downloads import PATTERN
from web.routes.ledger import LAST, ROWS, Before, Now, Rows

VOTES = 50

ProposalNumber = Annotated[int, Path(ge=1, le=LAST, description="Number of the proposal", examples=[1])]
MemberIndex = Annotated[int, Path(ge=0, le=254, description="Index of the member", examples=[0])]
ReleaseName = Annotated[str, Path(pattern=PATTERN, description="Name of the release", examples=["cardio"])]
Version = Annotated[str, Path(pattern=PATTERN, description="Version of the release", examples=["1.0"])]
BeforeRelease = Annotated[int | None, Query(ge=1, le=LAST, description="Only releases before this place")]
OfJob = Annotated[int | None, Query(ge=1, le=LAST, description="The job to show; the latest with rounds by default")]


async def proposals(now: Now, before: Before = None, limit: Rows = ROWS) -> d.ProposalsPage:
    """Every proposal, newest first, with how it stands."""
    deciding = DecisionReading(now)
    chosen = list(islice(deciding.newest(before), limit))
    last = chosen[-1].number if chosen else 1
    return d.ProposalsPage(
        chain=now.chain,
        rules=now.snapshot.decisions.rules,
        proposals=tuple(deciding.line(one) for one in chosen),
        next=f"/proposals.json?before={last}&limit={limit}" if last > 1 else None,
    )


async def proposal(now: Now, number: ProposalNumber) -> d.ProposalPage:
    """A proposal: what it wants, what speaks for it, who voted what, and what comes next."""
    deciding = DecisionReading(now)
    one = deciding.proposal(number)
    line, action = deciding.line(one), one.action
    evidence = None
    if isinstance(action, ReleaseModel):
        root, report = bytes.fromhex(action.root), bytes.fromhex(action.report)
        evidence = deciding.evidence(action.job, action.round, root, report)
    name = line.subject.name
    return d.ProposalPage(
        chain=now.chain,
        proposal=line,
        vote=deciding.vote(one),
        evidence=evidence,
        release=deciding.target(action),
        current=deciding.current_of(name) if name else None,
        rules=now.snapshot.decisions.rules,
        command=f"fedledger release vote {number} for",
    )


async def releases(now: Now, before: BeforeRelease = None, limit: Rows = ROWS) -> d.ReleasesPage:
    """The current release of each name, and all that there ever were, revoked ones with the reason."""
    deciding, total = DecisionReading(now), len(now.snapshot.decisions.releases)
    first = min(total, (before or LAST) - 1)
    chosen = list(islice(deciding.releases(), total - first, total - first + limit))
    last = first - len(chosen) + 1
    return d.ReleasesPage(
        chain=now.chain,
        current=deciding.current(),
        releases=tuple(deciding.release_line(one) for one in chosen),
        next=f"/releases.json?before={last}&limit={limit}" if last > 1 else None,
    )


async def named(now: Now, name: ReleaseName) -> d.NamedReleasesPage:
    """The releases of one name: which is current, and which came before."""
    deciding = DecisionReading(now)
    found = [one for one in deciding.releases() if one.name == name]
    if not found:
        raise NotFound(f"there is no release of the name {name}", advice="/releases lists them all")
    return d.NamedReleasesPage(
        chain=now.chain,
        name=name,
        current=deciding.current_of(name),
        releases=tuple(deciding.release_line(one) for one in found),
        command=f"fedledger release fetch {name}",
    )


async def release(now: Now, name: ReleaseName, version: Version) -> d.ReleasePage:
    """A release: its record, what speaks for it, who decided it, and how to fetch and verify it."""
    deciding = DecisionReading(now)
    one = deciding.release(name, version)
    line = deciding.release_line(one)
    return d.ReleasePage(
        chain=now.chain,
        release=line,
        evidence=deciding.evidence(one.job, one.round, one.root, one.report),
        decided_by=deciding.decided_by(one),
        file=_file(one, NAME),
        card=_file(one, CARD),
        command=f"fedledger release fetch {name}@{version}",
    )


def _file(one: Release, file: str) -> str | None:
    """Where the server gives a file of a release; nobody is given one that is revoked."""
    return None if one.revoked else f"/releases/{one.name}/{one.version}/{file}"


async def member(
    now: Now, index: MemberIndex, job: OfJob = None, before: Before = None, limit: Rows = ROWS
) -> d.MemberPage:
    """A member: keys, roles, its part in each round of a job, its votes, the releases it had part in."""
    deciding, state = DecisionReading(now), now.member_state(index)
    jobs = tuple(number for number, one in now.snapshot.jobs.items() if one.rounds)
    chosen = now.job_state(job) if job is not None else (now.job_state(jobs[-1]) if jobs else None)
    first = min(len(chosen.rounds), (before or LAST) - 1) if chosen else 0
    numbers = range(first, max(first - limit, 0), -1)
    rest = first - len(numbers)
    return d.MemberPage(
        chain=now.chain,
        member=now.member(state),
        job=now.job(chosen) if chosen else None,
        jobs=jobs,
        rounds=tuple(_part(now, chosen, index, chosen.rounds[number]) for number in numbers) if chosen else (),
        next=f"/members/{index}.json?job={chosen.number}&before={rest + 1}&limit={limit}" if chosen and rest else None,
        standing=ScoreReading(now).standing(chosen, index) if chosen else None,
        votes=deciding.votes(index, VOTES),
        releases=deciding.with_updates_of(index),
    )


def _part(now: Reading, state: JobState, index: int, round_: Round) -> g.MemberRound:
    update, own = round_.updates.get(index), [one for one in round_.aggregates if one.index == index]
    made = None
    if update is not None:
        verdict = dict(zip(sorted(round_.updates), verdicts(round_), strict=True))[index]
        word = None if verdict is None else judgement(verdict).name
        made = g.MemberUpdate(weight=update.weight, root=update.root.hex(), verdict=word)
    said = (a.agrees for one in round_.aggregates for a in one.attestations if a.index == index)
    outcome = (own[-1].outcome.value if own[-1].outcome else round_.phase.value) if own else None
    return g.MemberRound(
        round=round_.number,
        phase=round_.phase.value,
        update=made,
        attested=tuple(said),
        aggregated=outcome,
        score=ScoreReading(now).score(state, round_.number, index),
    )
