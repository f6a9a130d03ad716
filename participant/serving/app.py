"""The addresses of the Open Inference Protocol, version 2, over one desk; Starlette, and no framework beside it."""

import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ledger.errors import FedledgerError, Malformed, Unavailable, UsageError, shown
from ledger.history.names import RevokedRelease
from ledger.http.hosts import is_ours
from ledger.jobs.permitted_use import Expired
from participant.serving.desk import ServedModel, ServingDesk
from participant.serving.log import PredictionLog
from participant.serving.metrics import CONTENT_TYPE, ServingMetrics
from participant.serving.protocol import answer, metadata, read_request

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
JSON = "application/json"
LARGEST_BODY = 8 << 20
"""Bytes of a request."""
SMALL_BODY = 64 << 10
"""What a request may have to be answered between others; larger ones go to a thread."""
GONE = 499
"""The status that other servers count for a client that hung up."""
OPERATORS = frozenset({"file", "path", "folder", "home", "holder", "holders", "url"})
"""Facts for the server's operator alone."""


class _TooLarge(UsageError):
    """A body that is longer than is read."""


class _NothingThere(UsageError):
    """A model that is not served here."""


def create_app(desk: ServingDesk, log: PredictionLog, metrics: ServingMetrics, hosts: tuple[str, ...] = ()) -> App:
    """The application; with `hosts` it is asked by one of these names. It starts no thread: `participant.serving.watch`
    keeps the desk up to date.
    """
    pages = _Pages(desk, log, metrics)
    routes = []
    for base in ("/v2/models/{name}", "/v2/models/{name}/versions/{version}"):
        routes += [
            Route(f"{base}/infer", pages.infer, methods=["POST"]),
            Route(f"{base}/ready", pages.model_ready),
            Route(base, pages.model),
        ]
    routes += [
        Route("/v2/health/live", pages.live),
        Route("/v2/health/ready", pages.ready),
        Route("/v2", pages.server),
        Route("/metrics", pages.metrics),
    ]
    handlers: dict[Any, Any] = {FedledgerError: pages.refused, HTTPException: pages.unserved, ClientDisconnect: _gone}
    handlers[Exception] = pages.defect
    return _under(hosts, pages, Starlette(routes=routes, exception_handlers=handlers))


def _under(hosts: tuple[str, ...], pages: "_Pages", app: App) -> App:
    """The application under its own names alone (`ledger.http.hosts`)."""

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not is_ours(scope["headers"], hosts):
            await pages.misdirected()(scope, receive, send)
        else:
            await app(scope, receive, send)

    return asked


class _Pages:
    def __init__(self, desk: ServingDesk, log: PredictionLog, metrics: ServingMetrics) -> None:
        self._desk, self._log, self._metrics = desk, log, metrics

    async def server(self, _: Request) -> Response:
        """What server this is."""
        return _json({"name": "fedledger", "version": version("fedledger"), "extensions": []})

    async def live(self, _: Request) -> Response:
        """It runs."""
        return _json({"live": True})

    async def ready(self, _: Request) -> Response:
        """Its model may be used now; else the reason, by its status."""
        self._desk.usable()
        return _json({"ready": True} | self._chain)

    async def model_ready(self, request: Request) -> Response:
        """The same of the model by its name."""
        model = self._model(request)
        self._desk.usable()
        return _json({"name": model.predictor.released.name, "ready": True} | self._chain)

    @property
    def _chain(self) -> dict[str, int | None]:
        """The block at which the chain was asked last, and for how long its node has shown no further one."""
        still = self._desk.still
        return {"checked_at_block": self._desk.block, "chain_still_seconds": None if still is None else int(still)}

    async def model(self, request: Request) -> Response:
        """What it takes and gives, and which release it is."""
        return _json(metadata(self._model(request).predictor) | {"checked_at_block": self._desk.block})

    async def infer(self, request: Request) -> Response:
        """Predict, and write it down first."""
        began = time.perf_counter()
        wanted = request.path_params
        _require(self._desk.model, wanted)
        if request.headers.get("content-type", JSON).partition(";")[0].strip().lower() != JSON:
            raise HTTPException(415)
        body = await _body(request)
        if len(body) <= SMALL_BODY:
            data, rows = self._predicted(body, wanted)
        else:
            data, rows = await run_in_threadpool(self._predicted, body, wanted)
        self._metrics.predicted(rows, time.perf_counter() - began)
        self._metrics.answered(200)
        return Response(data, media_type=JSON)

    async def metrics(self, _: Request) -> Response:
        """For Prometheus."""
        return Response(self._metrics.text(self._desk), media_type=CONTENT_TYPE)

    def _predicted(self, body: bytes, wanted: Mapping[str, str]) -> tuple[bytes, int]:
        asked = read_request(body)
        model, block = self._desk.usable_at()
        _require(model, wanted)  # it may be another one than when the request began
        inputs = model.intake.rows(asked)
        said, cut = model.predictor.counted(inputs)
        self._metrics.saturated(cut)
        made = answer(asked, model.predictor, said, block)
        data = msgspec.json.encode(made)
        self._log.add(model.predictor.released, block, inputs, data, asked.id)
        return data, len(inputs)

    def _model(self, request: Request) -> ServedModel:
        model = self._desk.model
        _require(model, request.path_params)
        return model

    async def refused(self, _: Request, error: Exception) -> Response:
        """An error of ours, by its status."""
        assert isinstance(error, FedledgerError)  # noqa: S101 - registered for it alone
        return self._problem(error, _status(error))

    async def unserved(self, _: Request, error: Exception) -> Response:
        """An address, a method or a type that there is not."""
        status = getattr(error, "status_code", 404)
        made = self._problem(_NothingThere(HTTPStatus(status).phrase, advice="GET /v2"), status)
        made.headers.update(getattr(error, "headers", None) or {})  # which methods there are
        return made

    def misdirected(self) -> Response:
        """Asked by a name that is not this server's."""
        advice = "ask by a name that the server was started with: fedledger serve --host-name NAME"
        return self._problem(_NothingThere("this server is not asked by that name", advice=advice), 421)

    async def defect(self, _: Request, error: Exception) -> Response:
        """A fault of ours: no more than its kind is said."""
        return self._problem(
            Unavailable(f"a defect of fedledger: {type(error).__name__}", advice="please report it"), 500
        )

    def _problem(self, error: FedledgerError, status: int) -> Response:
        self._metrics.answered(status)
        inner = error.facts.keys() & OPERATORS
        facts = {} if inner else {name: shown(value)[:300] for name, value in error.facts.items()}
        said = {"error": error.message[:300], "kind": error.kind, "advice": error.advice, "facts": facts}
        return _json(said, status)


def _require(model: ServedModel, wanted: Mapping[str, str]) -> None:
    """Raise _NothingThere where an address names another model, or another version of it."""
    released = model.predictor.released
    name, version_ = wanted["name"], wanted.get("version", released.version)
    if (name, version_) != (released.name, released.version):
        raise _NothingThere(
            f"this server has no model {name[:80]!r} {version_[:80]!r}",
            advice=f"GET /v2/models/{released.name}",
            expected=f"{released.name} {released.version}",
        )


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=GONE)


async def _body(request: Request) -> bytes:
    """The whole body. Raises for one that is too large, before it is read."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or len(length) > 9 or int(length) > LARGEST_BODY:
        raise _too_large()
    taken = bytearray()
    async for piece in request.stream():
        taken += piece
        if len(taken) > LARGEST_BODY:
            raise _too_large()
    return bytes(taken)


def _too_large() -> FedledgerError:
    return _TooLarge("the request is too large", advice="send fewer rows at a time", maximum=LARGEST_BODY)


def _status(error: FedledgerError) -> int:
    match error:
        case _NothingThere():
            return 404
        case _TooLarge():
            return 413
        case RevokedRelease():
            return 410
        case Expired():
            return 403
        case Malformed():
            return 400
    return 503


def _json(document: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(document), status, media_type=JSON)
