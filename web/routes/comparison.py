"""The documents of the pages that set things beside each other, one function a page."""

from itertools import islice
from typing import Annotated

from fastapi import Query

from ledger.rounds.weights import weighs
from web.documents.comparison import ComparePage, WeightsPage
from web.reading.evaluations.comparison import choices, differences, sides
from web.reading.jobs import job_line
from web.reading.models import finalised_rounds
from web.reading.updates.norms import round_norms
from web.reading.updates.weights import round_weights
from web.routes.parameters import LAST, ROWS, Before, JobNumber, Now, Rows

CHOICE_PATTERN = r"^([1-9][0-9]{0,8}/[1-9][0-9]{0,8}|[a-z0-9][a-z0-9.-]{0,31}@[a-z0-9][a-z0-9.-]{0,31})$"
Choice = Annotated[
    str | None,
    Query(
        pattern=CHOICE_PATTERN,
        description="A model: JOB/ROUND, or NAME@VERSION of a release",
        examples=["1/1", "cardio@1.0"],
    ),
]


async def compare(now: Now, a: Choice = None, b: Choice = None) -> ComparePage:
    """Any two models, of rounds or of releases, side by side: what was measured of them, and how they differ."""
    first, second = sides(now, a, b)
    return ComparePage(
        chain=now.chain,
        a=first,
        b=second,
        same_rows=bool(first and second and first.digest and first.digest == second.digest),
        differences=differences(first, second) if first and second else (),
        choices=choices(now),
    )


async def weights(now: Now, job: JobNumber, before: Before = None, limit: Rows = ROWS) -> WeightsPage:
    """What each party's update weighs in the models of a job, newest round first, and how long it is."""
    state, document = now.job(job), now.document(now.job(job))
    made = finalised_rounds(state, before or LAST)
    chosen = [round_weights(now, state, one) for one in islice(made, limit)]
    more = next(made, None) is not None
    norms = tuple(filter(None, (round_norms(now, job, one.round) for one in chosen)))
    parties = {part.index for one in chosen for part in one.parts}
    parties |= {part.index for one in norms for part in one.parts}
    return WeightsPage(
        chain=now.chain,
        job=job_line(now, state),
        factors=document is not None and weighs(document),
        max_norm=state.model.max_norm,
        parties=tuple(map(now.member_party, sorted(parties))),
        rounds=tuple(chosen),
        norms=norms,
        next=f"/jobs/{job}/weights.json?before={chosen[-1].round}&limit={limit}" if more else None,
    )
