"""What every route takes: the last reading, and the checked parts of an address."""

from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Path, Query, Request

from ledger.events.proposals import ProposalState
from ledger.formats.digest import ADDRESS_PATTERN
from web.documents.refusals import NoOrigin
from web.reading.ledger import Reading
from web.view import View

LAST = (1 << 32) - 1
ROWS, MOST_ROWS = 50, 500
LATEST = 12
"""Rounds that a job's page shows."""
MODELS, MOST_MODELS = 6, 200
NAME_PATTERN = "^[a-z0-9][a-z0-9.-]{0,31}$"
"""The names and versions of releases, as text."""

JobNumber = Annotated[int, Path(ge=1, le=LAST, description="Number of the job", examples=[1])]
RoundNumber = Annotated[int, Path(ge=1, le=LAST, description="Number of the round", examples=[1])]
ModelNumber = Annotated[int, Path(ge=0, le=LAST, description="Round of the model; 0 is the initial one", examples=[1])]
Before = Annotated[int | None, Query(ge=1, le=LAST, description="Only rounds before this one")]
Rows = Annotated[int, Query(ge=1, le=MOST_ROWS, description="At most so many")]
Models = Annotated[int, Query(ge=1, le=MOST_MODELS, description="At most so many models of the lineage")]

MemberIndex = Annotated[int, Path(ge=0, le=254, description="Index of the member", examples=[0])]
OfJob = Annotated[int | None, Query(ge=1, le=LAST, description="The job to show; the latest with rounds by default")]
MemberKey = Annotated[str, Query(pattern=ADDRESS_PATTERN, description="The member's current key, EIP-55")]

StateName = StrEnum("StateName", [(one.name, one.value) for one in ProposalState if one.name != "NONE"])  # type: ignore[misc]
InState = Annotated[StateName | None, Query(description="Only proposals in this state")]

ProposalNumber = Annotated[int, Path(ge=1, le=LAST, description="Number of the proposal", examples=[1])]
ReleaseName = Annotated[str, Path(pattern=NAME_PATTERN, description="Name of the release", examples=["cardio"])]
Version = Annotated[str, Path(pattern=NAME_PATTERN, description="Version of the release", examples=["1.0"])]
BeforeRelease = Annotated[int | None, Query(ge=1, le=LAST, description="Only releases before this place")]


def reading(request: Request) -> Reading:
    """The last reading: one for the whole response, even if the threads post another meanwhile."""
    known: Reading | None = getattr(request.state, "reading", None)
    if known is None:
        view: View = request.app.state.view
        known = request.state.reading = Reading(view.network, view.latest.state)
    return known


async def _reading(request: Request) -> Reading:
    return reading(request)


def own_origin(request: Request) -> str:
    """The address by which this server is reached. Raises NoOrigin if it is neither configured nor known."""
    view: View = request.app.state.view
    if view.origin:
        return view.origin
    host = request.headers.get("host", "").lower()
    if not view.hosts or not urlsplit(f"//{host}").hostname:
        raise NoOrigin(
            "this server does not know by which address people reach it, so nobody can sign in",
            advice="start it with --origin https://NAME",
        )
    return f"http://{host}"


Now = Annotated[Reading, Depends(_reading)]
