"""The documents of the pages of members, one function a page."""

from web.documents.pages import MemberPage, MembersPage
from web.reading.audits.answers import member_told
from web.reading.jobs import job_line
from web.reading.members import member_document, member_documents, member_round
from web.reading.proposals import member_votes
from web.reading.releases import member_releases
from web.reading.scores import member_standing
from web.routes.parameters import LAST, ROWS, Before, MemberIndex, Now, OfJob, Rows

VOTES = 50


async def members(now: Now) -> MembersPage:
    """The members of the consortium, with their keys and roles."""
    return MembersPage(chain=now.chain, epoch=now.snapshot.epoch, members=member_documents(now))


async def member(
    now: Now, index: MemberIndex, job: OfJob = None, before: Before = None, limit: Rows = ROWS
) -> MemberPage:
    """A member: keys, roles, its part in each round of a job, its votes, the releases it had part in."""
    state = now.member(index)
    jobs = tuple(number for number, one in now.snapshot.jobs.items() if one.rounds)
    chosen = now.job(job) if job is not None else (now.job(jobs[-1]) if jobs else None)
    first = min(len(chosen.rounds), (before or LAST) - 1) if chosen else 0
    numbers = range(first, max(first - limit, 0), -1)
    rest = first - len(numbers)
    return MemberPage(
        chain=now.chain,
        member=member_document(now, state),
        told=member_told(now, index),
        job=job_line(now, chosen) if chosen else None,
        jobs=jobs,
        rounds=tuple(member_round(now, chosen, index, chosen.rounds[number]) for number in numbers) if chosen else (),
        next=f"/members/{index}.json?job={chosen.number}&before={rest + 1}&limit={limit}" if chosen and rest else None,
        standing=member_standing(now, chosen, index) if chosen else None,
        votes=member_votes(now, index, VOTES),
        releases=member_releases(now, index),
    )
