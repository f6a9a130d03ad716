"""The figures of a page as files: a table as CSV, a drawing as SVG, under the page's own address and rules."""

from functools import partial
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response

from web.documents.common import Page
from web.drawing.figure import Figure
from web.drawing.figures import drawn
from web.drawing.language import Texts, texts
from web.drawing.render import Renderer
from web.drawing.standalone import style
from web.drawing.tables import as_csv
from web.reading.ledger import NotFound
from web.routes.parameters import reading
from web.routes.responses import language_of, tagged

Name = Annotated[
    str | None,
    Query(
        pattern="^[a-z][a-z0-9-]{0,79}$",
        description="Name of the figure; the page's first by default",
        examples=["roc"],
    ),
]
CSV, SVG = "text/csv; charset=utf-8", "image/svg+xml; charset=utf-8"


def add(app: FastAPI, path: str, name: str, document: Any) -> None:
    """Both siblings of a page, whose document FastAPI makes."""
    for kind, called, made in (("csv", "table", csv), ("svg", "drawing", svg)):
        media = {f"{CSV if kind == 'csv' else SVG}".partition(";")[0]: {"schema": {"type": "string"}}}
        app.get(
            f"{path}.{kind}",
            name=f"{name}_{kind}",
            operation_id=f"{name}_{kind}",
            summary=f"A figure of {path.replace(':int', '')}: its {called}",
            tags=["figures"],
            response_class=Response,
            responses={
                200: {"description": f"the {called}", "content": media},
                304: {"description": "what If-None-Match names is still current"},
            },
        )(partial(made, document=document))


async def csv(request: Request, document: Page, figure: Name = None) -> Response:
    """All values of a figure. Its words are English in every language, for programs."""
    one = _figure(document, texts("en"), figure)
    return _attached(tagged(request, as_csv(one), CSV), f"{one.id}.csv")


async def svg(request: Request, document: Page, figure: Name = None) -> Response:
    """The drawing, with its legend, its style, and where it is from."""
    language = language_of(request)
    one = _figure(document, texts(language), figure)
    now = reading(request)
    source = f"{now.network.name[:60]} · {request.scope['path'].removesuffix('.svg')[:100]}"
    renderer: Renderer = request.app.state.renderer
    body = renderer.fresh("figure.html", language, one=one, style=style(), source=source)
    return _attached(tagged(request, body, SVG, vary="Accept-Language, Cookie"), f"{one.id}.svg")


def _figure(document: Page, t: Texts, name: str | None) -> Figure:
    """A page's figure by its name. Raises NotFound, with the names that there are."""
    found = drawn(document, t)
    chosen = next((one for one in found if name in {None, one.id}), None)
    if chosen is None:
        known = ", ".join(one.id for one in found)
        raise NotFound("there is no such figure here", advice=f"figure is one of {known}" if known else "")
    return chosen


def _attached(response: Response, name: str) -> Response:
    """A file to keep, which no browser shows as a page of this server."""
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
