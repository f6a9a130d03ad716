"""The description of the interface: schemas from the documents' own types, an example for every answer."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from web.documents.common import Document, Problem
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
    SignInText,
)
from web.examples.ledger import EXAMPLES, PROBLEM
from web.examples.relay import EXAMPLES as WRITTEN
from web.pages import Shown
from web.routes.access import OPEN

INTRODUCTION = (
    "What anyone may read of a consortium. Every page has a JSON sibling at the same address with .json. An answer "
    "says, under chain, up to which block the ledger was read. Nothing here need be believed: `fedledger audit` "
    "checks it without this server. Members sign what they want, vote or proposal, with their own keys; this server "
    "gives out what to sign, relays what was signed, and has no key but the one that pays."
)
_ERRORS = {
    "400": "the question is malformed",
    "401": "members alone may ask, and who asks has not signed in",
    "403": "who asks or signed may not do that",
    "404": "there is no such thing",
    "409": "it does not fit what is on the ledger, or what waits already",
    "413": "the body is larger than 16 KiB",
    "414": "the address is longer than 1,024 characters",
    "415": "the body is not said to be JSON",
    "429": "too many requests from this address",
    "503": "the ledger, or what the answer depends on, has not been read yet",
}
_OF_POSTS = frozenset({"403", "409", "413", "415"})
_REF = "#/components/schemas/{name}"


class _Written(NamedTuple):
    """A route of the write side: what it takes, and what it answers."""

    path: str
    method: str
    body: Any
    answer: type[Document]
    status: str = "200"


_WRITTEN = (
    _Written("/sign-in.json", "get", None, SignInText),
    _Written("/sign-in.json", "post", SignInAnswer, SessionPage),
    _Written("/session.json", "get", None, SessionPage),
    _Written("/sign-out.json", "post", Nothing, SessionPage),
    _Written("/proposals/{number}/ballot.json", "get", None, BallotToSign),
    _Written("/proposals/typed-data.json", "post", ProposalDraft, ProposalToSign),
    _Written("/relay.json", "post", Posted, Accepted, "202"),
    _Written("/relay/{name}.json", "get", None, Relayed),
)


def describe(app: FastAPI, pages: Sequence[Shown]) -> dict[str, Any]:
    """The OpenAPI document of the application."""
    document = get_openapi(title="fedledger", version="1", description=INTRODUCTION, routes=app.routes)
    kinds = [*(shown.kind for shown in pages), Problem, *(written.answer for written in _WRITTEN)]
    bodies = [written.body for written in _WRITTEN if written.body is not None]
    schemas, components = msgspec.json.schema_components([*kinds, *bodies], ref_template=_REF)
    document["components"] = {"schemas": dict(components)}
    for shown in pages:
        _page(document["paths"][shown.json.replace(":int", "")]["get"], shown)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _errors(path, method, operation)
    _service(document["paths"])
    taken = iter(schemas[len(kinds) :])
    for written in _WRITTEN:
        _write(document["paths"][written.path][written.method], written, next(taken) if written.body else None)
    return document


def _write(operation: dict[str, Any], written: _Written, body: dict[str, Any] | None) -> None:
    if body is not None:
        content = {"schema": body, "example": WRITTEN[written.body]}
        operation["requestBody"] = {"required": True, "content": {"application/json": content}}
    answer = {"schema": {"$ref": _REF.format(name=written.answer.__name__)}, "example": WRITTEN[written.answer]}
    operation["responses"][written.status] = {"description": "done", "content": {"application/json": answer}}


def _page(operation: dict[str, Any], shown: Shown) -> None:
    content = {"schema": {"$ref": _REF.format(name=shown.kind.__name__)}, "example": EXAMPLES[shown.kind]}
    operation["tags"] = ["ledger"]
    operation["responses"]["200"] = {
        "description": f"the page {shown.page.replace(':int', '')} as a document",
        "content": {"application/json": content},
    }
    operation["responses"]["304"] = {"description": "what If-None-Match names still holds"}


def _errors(path: str, method: str, operation: dict[str, Any]) -> None:
    """Those that an address may answer with."""
    responses = operation["responses"]
    responses.pop("422", None)
    known = set(_ERRORS) - _OF_POSTS
    if method == "post":
        known |= _OF_POSTS
    if path in OPEN - {"/sign-in.json"}:
        known -= {"401"}
    if not operation.get("parameters"):
        known -= {"414"} if method == "post" else {"400", "414"}
    if path.startswith(("/ipfs", "/proposals")):
        known |= {"403"}
    if path.endswith("/ballot.json"):
        known |= {"409"}
    for status in sorted(known):
        text = _ERRORS[status] if not path.startswith("/ipfs") or status != "403" else "not given out, with the reason"
        schema = {"schema": {"$ref": _REF.format(name="Problem")}, "example": msgspec.to_builtins(PROBLEM)}
        responses[status] = {"description": text, "content": {"application/json": schema}}
    for answer in responses.values():
        for content in answer.get("content", {}).values():
            if content.get("schema") == {"$ref": _REF.format(name="Problem")}:
                content.setdefault("example", msgspec.to_builtins(PROBLEM))


def _service(paths: Mapping[str, Any]) -> None:
    """What the routes that are no pages answer."""
    event = 'event: change\nid: 7\ndata: {"fedledger":"event/1","serial":7,"chain":{…}}\n\n'
    answers: dict[str, dict[str, Any]] = {
        "/health": {"application/json": {"schema": _status("ok"), "example": {"status": "ok"}}},
        "/ready": {
            "application/json": {
                "schema": _status("ready", chain={"$ref": _REF.format(name="Chain")}),
                "example": {"status": "ready", "chain": EXAMPLES[AuditPage]["chain"]},
            }
        },
        "/metrics": {"text/plain": {"schema": {"type": "string"}, "example": "fedledger_chain_up 1.0\n"}},
        "/events": {"text/event-stream": {"schema": {"type": "string"}, "example": event}},
        "/ipfs/{cid}": {
            "application/vnd.ipld.raw": {"schema": {"type": "string", "format": "binary"}},
            "application/vnd.ipld.car": {"schema": {"type": "string", "format": "binary"}},
        },
    }
    for path, kinds in answers.items():
        paths[path]["get"]["responses"]["200"] = {"description": "done", "content": kinds}
    content = paths["/ipfs/{cid}"]["get"]
    asked = next(parameter for parameter in content["parameters"] if parameter["name"] == "format")
    asked |= {
        "required": True,
        "description": "or by an Accept header: application/vnd.ipld.raw or application/vnd.ipld.car",
        "schema": {"enum": ["raw", "car"]},
    }
    responses = content["responses"]
    responses["304"] = {"description": "what If-None-Match names still holds"}
    responses["500"] = {**responses["503"], "description": "every copy that there is is damaged"}


def _status(word: str, **more: Any) -> dict[str, Any]:
    properties = {"status": {"const": word}, **more}
    return {"type": "object", "properties": properties, "required": sorted(properties)}
