"""The application: every page, and beside it the same as JSON, from one builder."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TextIO

import msgspec
from anyio import CapacityLimiter
from fastapi import Depends, FastAPI, Request, Response

from ledger.http.buckets import Buckets
from web.access.compression import Compressed
from web.access.cross_origin import Shared
from web.access.guard import AccessLog, App, Guard
from web.access.links import Links
from web.access.listeners import Listeners
from web.access.metrics import Metrics
from web.access.sessions import Sessions, cookie_name
from web.access.sign_in import SignIns
from web.drawing.render import Renderer
from web.drawing.saved.verifier import saved
from web.openapi import describe
from web.pages import PAGES
from web.routes import access, activity, desk, downloads, relay, service, verify
from web.routes.assets import Assets
from web.routes.errors import map_errors, refusal
from web.routes.kept import Bodies
from web.routes.responses import tagged
from web.view import View

ROUTERS = (service.router, access.router, relay.router, downloads.router, activity.router, desk.router, verify.router)
"""The routes that are not pages."""


def create_app(view: View, *, log: TextIO | None = None, quiet: bool = False) -> App:
    """The application over a view. It starts no thread: `web.reading.background.Live` keeps the view up to date.

    `log` takes the access log, standard output by default; `quiet` writes none.
    """
    app = FastAPI(
        title="fedledger",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        dependencies=[Depends(access.admit)],
        generate_unique_id_function=lambda route: route.name,
    )
    _set_state(app, view)
    for page in PAGES:
        page.add_to(app)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", Assets())
    map_errors(app)
    _add_description(app)
    guarded = Guard(
        Compressed(app),
        hosts=view.hosts,
        origin=view.origin,
        buckets=Buckets(view.rate),
        metrics=app.state.metrics,
        sessions=app.state.sessions,
        log=None if quiet else AccessLog(log),
        refused=partial(refusal, app),
    )
    return Shared(guarded, open_metrics=view.open_metrics) if view.read == "public" else guarded


def _set_state(app: FastAPI, view: View) -> None:
    """What routes find at `request.app.state`."""
    metrics = Metrics(relays=view.relayer is not None)
    if view.relayer is not None:
        view.relayer.settled = metrics.settled
    app.state.view, app.state.metrics = view, metrics
    app.state.renderer, app.state.bodies = Renderer(view.network.chain.explorer), Bodies()
    app.state.sessions, app.state.signins = Sessions(view.latest, view.sessions), SignIns(view.network.chain.id)
    app.state.links, app.state.listeners = Links(), Listeners(metrics)
    saved()  # with all scripts of /verify, as they are now


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.readers, app.state.drafts = CapacityLimiter(service.MOST_READERS), CapacityLimiter(1)
    yield


def _add_description(app: FastAPI) -> None:
    document = msgspec.json.encode(describe(app, PAGES, cookie_name(app.state.view.origin)))

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:
        return tagged(request, document, "application/json")
