"""The page that recomputes a round, or checks a bundle, in the reader's browser; and the same as a file to keep."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from web.documents.verify import VerifyPage
from web.drawing.saved.verifier import CONTROLS, FILE, WORKER, address, saved, saved_digest, script
from web.reading.audits.recomputable import choices, facts_of
from web.reading.ledger import NotFound
from web.routes.assets import FOREVER
from web.routes.page import HTML
from web.routes.parameters import LAST, Now
from web.routes.responses import tagged

Chosen = Annotated[int | None, Query(ge=1, le=LAST, description="The round to recompute: both, or neither")]
router = APIRouter()


async def verify(now: Now, job: Chosen = None, round: Chosen = None) -> VerifyPage:
    """What a browser needs to recompute a round by itself: which there are, and what the ledger says of one."""
    facts = facts_of(now, job, round) if job and round else None
    return VerifyPage(
        chain=now.chain,
        ledger=now.network.contracts.ledger.address,
        choices=choices(now),
        chosen=f"{job}/{round}" if job and round else "",
        facts=facts,
        verifier=saved_digest(),
        controls=address(CONTROLS),
        worker=address(WORKER),
    )


@router.get("/verify.html", include_in_schema=False)
async def verifier(request: Request) -> Response:
    """The page that checks bundles, as one file that needs no server."""
    response = tagged(request, saved(), HTML)
    response.headers["Content-Disposition"] = f'attachment; filename="{FILE}"'
    return response


@router.get("/verify/{version}/{name:path}", include_in_schema=False)
async def verifier_script(request: Request, version: str, name: str) -> Response:
    """A script of /verify, under the version of all of them: browsers may keep it, and mix no two. Raises NotFound."""
    text = script(version, name)
    if text is None:
        raise NotFound("the page has no such script, or is of another version by now", advice="reload /verify")
    response = tagged(request, text, "text/javascript")
    response.headers["Cache-Control"] = FOREVER
    return response
