"""The description of the interface: schemas from the documents' own types, an example for every response."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ledger.jobs.document import Job
from web.access import links
from web.access.problems import MEDIA_TYPE
from web.documents.common import Document, Problem
from web.documents.desk import CheckedJob, DeskPage
from web.documents.drafts import MergedDraft, ProfilesToMerge
from web.documents.pages import AuditPage
from web.documents.relay import (
    Accepted,
    BallotToSign,
    Nothing,
    Posted,
    ProposalDraft,
    ProposalToSign,
    Relayed,
    SessionPage,
    SignInAnswer,
    SignInLink,
    SignInText,
)
from web.examples.desk import EXAMPLES as WAITING
from web.examples.pages import EXAMPLES, PROBLEM
from web.examples.relay import EXAMPLES as RELAYED
from web.routes.access import OPEN
from web.routes.page import PageRoute

INTRODUCTION = (
    "What anyone may read of a consortium. Every page has a JSON sibling at the same address with .json. A document "
    "says, under chain, up to which block the ledger was read. You need not trust this server: `fedledger audit` "
    "checks everything without it. Members sign their votes and proposals with their own keys; this server provides "
    "what to sign, relays what was signed, and has no key except the one that pays."
)
_ERRORS = {
    "400": "the request is malformed",
    "401": "only members may read or do this, and the client has not shown that it is one",
    "403": "the client or the signer is not allowed to do that",
    "404": "not found",
    "405": "the address does not have that method; Allow lists those that it has",
    "409": "it conflicts with what is on the ledger, or with what waits already",
    "413": "the body is larger than 16 KiB",
    "414": "the address is longer than 1,024 characters",
    "415": "the body is not declared as JSON",
    "421": "the request is for a host that is not this server",
    "429": "too many requests from this address",
    "500": "a fault of fedledger",
    "503": "the ledger, or what the response depends on, has not been read yet",
}
_SESSION = {
    "type": "apiKey",
    "in": "cookie",
    "description": "Of signing in. Needed where only members read, and to close or execute a proposal.",
}
_SIGNING = frozenset({"/sign-in.json", "/sign-in-link.json", f"{links.PATH}{{token}}"})
"""Open to all, and 401 where what was sent signs nobody in."""
_OF_POSTS = frozenset({"403", "409", "413", "415"})
EXCHANGED = {**RELAYED, **WAITING}
_REF = "#/components/schemas/{name}"


class _Exchange(NamedTuple):
    """A route of the write side: what it takes, and what it responds."""

    path: str
    method: str
    body: Any
    response: type[Document]
    status: str = "200"


_EXCHANGES = (
    _Exchange("/sign-in.json", "get", None, SignInText),
    _Exchange("/sign-in.json", "post", SignInAnswer, SessionPage),
    _Exchange("/sign-in-link.json", "post", SignInAnswer, SignInLink),
    _Exchange("/session.json", "get", None, SessionPage),
    _Exchange("/sign-out.json", "post", Nothing, SessionPage),
    _Exchange("/proposals/{number}/ballot.json", "get", None, BallotToSign),
    _Exchange("/proposals/typed-data.json", "post", ProposalDraft, ProposalToSign),
    _Exchange("/relay.json", "post", Posted, Accepted, "202"),
    _Exchange("/relay/{name}.json", "get", None, Relayed),
    _Exchange("/desk.json", "get", None, DeskPage),
    _Exchange("/jobs/check.json", "post", Job, CheckedJob),
    _Exchange("/jobs/draft.json", "post", ProfilesToMerge, MergedDraft),
)


def describe(app: FastAPI, pages: Sequence[PageRoute], cookie: str) -> dict[str, Any]:
    """The OpenAPI document of the application."""
    document = get_openapi(title="fedledger", version="1", description=INTRODUCTION, routes=app.routes)
    kinds = [*(page.kind for page in pages), Problem, *(exchange.response for exchange in _EXCHANGES)]
    bodies = [exchange.body for exchange in _EXCHANGES if exchange.body is not None]
    schemas, components = msgspec.json.schema_components([*kinds, *bodies], ref_template=_REF)
    document["components"] = {"schemas": dict(components), "securitySchemes": {"session": _SESSION | {"name": cookie}}}
    for page in pages:
        _describe_page(document["paths"][page.json_path.replace(":int", "")]["get"], page)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _describe_errors(path, method, operation)
    _describe_service(document["paths"])
    taken = iter(schemas[len(kinds) :])
    for exchange in _EXCHANGES:
        operation = document["paths"][exchange.path][exchange.method]
        _describe_exchange(operation, exchange, next(taken) if exchange.body else None)
    return document


def _describe_exchange(operation: dict[str, Any], exchange: _Exchange, body: dict[str, Any] | None) -> None:
    if body is not None:
        content = {"schema": body, "example": EXCHANGED[exchange.body]}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    response = {
        "schema": {"$ref": _REF.format(name=exchange.response.__name__)},
        "example": EXCHANGED[exchange.response],
    }
    operation["responses"][exchange.status] = {"description": "done", "content": {"application/json": response}}


def _describe_page(operation: dict[str, Any], page: PageRoute) -> None:
    content = {"schema": {"$ref": _REF.format(name=page.kind.__name__)}, "example": EXAMPLES[page.kind]}
    operation["tags"] = ["ledger"]
    operation["responses"]["200"] = {
        "description": f"the page {page.path.replace(':int', '')} as a document",
        "content": {"application/json": content},
    }
    operation["responses"]["304"] = {"description": "what If-None-Match names is still current"}


def _describe_errors(path: str, method: str, operation: dict[str, Any]) -> None:
    """The errors that an address may respond with."""
    responses = operation["responses"]
    responses.pop("422", None)
    known = set(_ERRORS) - _OF_POSTS
    if method == "post":
        known |= _OF_POSTS
    if path in OPEN - _SIGNING - {"/metrics"}:
        known -= {"401"}
    elif path not in _SIGNING:
        operation["security"] = [{}, {"session": []}]
    if not operation.get("parameters"):
        known -= {"414"} if method == "post" else {"400", "414"}
    if path.startswith(("/ipfs", "/proposals", links.PATH)):
        known |= {"403"}
    if path.endswith("/ballot.json"):
        known |= {"409"}
    for status in sorted(known):
        text = _ERRORS[status] if not path.startswith("/ipfs") or status != "403" else "not served, with the reason"
        schema = {"schema": {"$ref": _REF.format(name="Problem")}, "example": msgspec.to_builtins(PROBLEM)}
        responses[status] = {"description": text, "content": {MEDIA_TYPE: schema}}
    for response in responses.values():
        for content in response.get("content", {}).values():
            if content.get("schema") == {"$ref": _REF.format(name="Problem")}:
                content.setdefault("example", msgspec.to_builtins(PROBLEM))


def _describe_service(paths: Mapping[str, Any]) -> None:
    """What the routes that are not pages respond."""
    event = 'event: change\nid: 7\ndata: {"fedledger":"event/1","serial":7,"chain":{…},"activity":[…],"missed":0}\n\n'
    contents: dict[str, dict[str, Any]] = {
        "/health": {"application/json": {"schema": _status("ok"), "example": {"status": "ok"}}},
        "/ready": {
            "application/json": {
                "schema": _status("ready", chain={"$ref": _REF.format(name="ChainDocument")}),
                "example": {"status": "ready", "chain": EXAMPLES[AuditPage]["chain"]},
            }
        },
        "/metrics": {"text/plain": {"schema": {"type": "string"}, "example": "fedledger_chain_up 1.0\n"}},
        "/activity.atom": {"application/atom+xml": {"schema": {"type": "string"}, "example": "<feed>…</feed>"}},
        "/atom.xml": {"application/atom+xml": {"schema": {"type": "string"}, "example": "<feed>…</feed>"}},
        "/events": {"text/event-stream": {"schema": {"type": "string"}, "example": event}},
        "/ipfs/{cid}": {
            "application/vnd.ipld.raw": {"schema": {"type": "string", "format": "binary"}},
            "application/vnd.ipld.car": {"schema": {"type": "string", "format": "binary"}},
        },
    }
    for path, kinds in contents.items():
        paths[path]["get"]["responses"]["200"] = {"description": "done", "content": kinds}
    content = paths["/ipfs/{cid}"]["get"]
    asked = next(parameter for parameter in content["parameters"] if parameter["name"] == "format")
    asked |= {
        "required": True,
        "description": "or by an Accept header: application/vnd.ipld.raw or application/vnd.ipld.car",
        "schema": {"enum": ["raw", "car"]},
    }
    responses = content["responses"]
    responses["304"] = {"description": "what If-None-Match names is still current"}
    responses["500"] = {**responses["503"], "description": "every copy is damaged"}


def _status(word: str, **more: Any) -> dict[str, Any]:
    properties = {"status": {"const": word}, **more}
    return {"type": "object", "properties": properties, "required": sorted(properties)}
