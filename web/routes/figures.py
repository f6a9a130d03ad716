"""The figures of a page as files: a table as CSV, a drawing as SVG, below the page's own address, under its rules."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from anyio import to_thread
from fastapi import FastAPI, Query, Request, Response

from web.documents.common import Page
from web.drawing.figure import Figure
from web.drawing.figures import drawn
from web.drawing.language import Texts, texts
from web.drawing.render import Renderer
from web.drawing.saved.standalone import style
from web.drawing.tables import as_csv
from web.reading.ledger import NotFound
from web.routes.kept import Asked
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
FILE = "figures"
"""The name of the files, under the page's address: no page has such a one, whatever a release is called."""
CSV, SVG = "text/csv; charset=utf-8", "image/svg+xml; charset=utf-8"


def add(app: FastAPI, path: str, name: str, document: Any) -> None:
    """Both siblings of a page, whose document FastAPI makes."""
    for kind, called, made in (("csv", "table", csv), ("svg", "drawing", svg)):
        media = {f"{CSV if kind == 'csv' else SVG}".partition(";")[0]: {"schema": {"type": "string"}}}
        app.get(
            f"{path}/{FILE}.{kind}",
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


async def csv(request: Request, document: Asked, figure: Name = None) -> Response:
    """All values of a figure. Its words are English in every language, for programs."""
    name, body = await _kept(request, document, ("csv", "en", figure), as_csv)
    return _attached(tagged(request, body, CSV), f"{name}.csv")


async def svg(request: Request, document: Asked, figure: Name = None) -> Response:
    """The drawing, with its legend, its style, and where it is from."""
    language, now, path = language_of(request), reading(request), document.path
    renderer: Renderer = request.app.state.renderer

    def written(one: Figure) -> bytes:
        source = f"{now.network.name[:60]} · {path[:100]}"
        return renderer.fresh("figure.html", language, one=one, style=style(), source=source)

    name, body = await _kept(request, document, ("svg", language, figure), written)
    return _attached(tagged(request, body, SVG, vary="Accept-Language, Cookie"), f"{name}.svg")


async def _kept(
    request: Request, document: Asked, key: tuple[str, str, str | None], written: Callable[[Figure], bytes]
) -> tuple[str, bytes]:
    """A figure's id, and its file, which another thread makes: that of many parties takes a while."""
    now, bodies = reading(request), request.app.state.bodies
    place = (*key, document.address)
    known = bodies.get(now, *place)
    if known is None:
        page, (_, language, name) = await document.made(), key

        def made() -> bytes:
            one = _figure(page, texts(language), name)
            return one.id.encode() + b"\n" + written(one)

        known = bodies.keep(now, await to_thread.run_sync(made), *place)
    name_, _, body = known.partition(b"\n")
    return name_.decode(), body


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
