"""The search: a text leads to the page of what it names, or to a list."""

from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import Query, Request, Response

from web.documents.activity import SearchPage
from web.documents.common import Page
from web.reading.searching import search as found_by
from web.reading.searching import transaction_of
from web.routes.kept import Asked
from web.routes.lists import ListName, Skip
from web.routes.page import PageRoute
from web.routes.parameters import Now
from web.routes.responses import UNCACHED

LONGEST_QUERY = 256
Text = Annotated[str, Query(max_length=LONGEST_QUERY, description="What to look for")]


async def search(now: Now, q: Text = "") -> SearchPage:
    """What a text names: a transaction, root, CID, digest, key, member, release (NAME@VERSION), or JOB.ROUND."""
    taken_for, matches = found_by(now, q)
    sent = any(one.what == "transaction" for one in matches)
    template, tx = now.network.chain.explorer, transaction_of(q)
    explorer = template.replace("{}", tx) if template and sent and tx else None
    return SearchPage(chain=now.chain, query=q, taken_for=taken_for, matches=matches, explorer=explorer)


@dataclass(frozen=True, slots=True)
class SearchRoute(PageRoute):
    """The page of a search: a single match is gone to at once."""

    async def html(self, request: Request, document: Asked, listed: ListName = "", skip: Skip = 0) -> Response:
        found = await document.made()
        if isinstance(found, SearchPage) and len(found.matches) == 1:
            return Response(status_code=303, headers={"Location": found.matches[0].path, **UNCACHED})

        async def made(**_: Any) -> Page:
            return found

        return await PageRoute.html(self, request, replace(document, build=made), listed, skip)
