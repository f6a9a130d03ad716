"""The description of the interface: schemas from the documents' own types, an example for every answer."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ledger.web import documents as d
from ledger.web.examples import EXAMPLES, PROBLEM

if TYPE_CHECKING:
    from ledger.web.app import Shown

INTRODUCTION = (
    "What anyone may read of a consortium. Every page has a JSON sibling at the same address with .json. An answer "
    "says, under chain, up to which block the ledger was read. Nothing here need be believed: `fedledger audit` "
    "checks it without this server."
)
_ERRORS = {
    "400": "the question is malformed",
    "404": "there is no such thing",
    "429": "too many requests from this address",
    "503": "the ledger, or what the answer depends on, has not been read yet",
}
_REF = "#/components/schemas/{name}"


def describe(app: FastAPI, pages: Sequence["Shown"]) -> dict[str, Any]:
    """The OpenAPI document of the application."""
    document = get_openapi(title="fedledger", version="1", description=INTRODUCTION, routes=app.routes)
    kinds = [shown.kind for shown in pages]
    _, components = msgspec.json.schema_components([*kinds, d.Problem], ref_template=_REF)
    document["components"] = {"schemas": dict(components)}
    for shown in pages:
        _page(document["paths"][shown.json.replace(":int", "")]["get"], shown)
    for path, operations in document["paths"].items():
        _errors(path, operations["get"])
    _service(document["paths"])
    return document


def _page(operation: dict[str, Any], shown: "Shown") -> None:
    content = {"schema": {"$ref": _REF.format(name=shown.kind.__name__)}, "example": EXAMPLES[shown.kind]}
    operation["tags"] = ["ledger"]
    operation["responses"]["200"] = {
        "description": f"the page {shown.page.replace(':int', '')} as a document",
        "content": {"application/json": content},
    }
    operation["responses"]["304"] = {"description": "what If-None-Match names still holds"}


def _errors(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    known = set(_ERRORS) - ({"400"} if not operation.get("parameters") else set())
    for status in sorted(known | ({"403"} if path.startswith("/ipfs") else set())):
        text = _ERRORS.get(status, "not given out here, with the reason")
        schema = {"schema": {"$ref": _REF.format(name="Problem")}, "example": msgspec.to_builtins(PROBLEM)}
        responses[status] = {"description": text, "content": {"application/json": schema}}


def _service(paths: Mapping[str, Any]) -> None:
    """What the routes that are no pages answer."""
    event = 'event: change\nid: 7\ndata: {"fedledger":"event/1","serial":7,"chain":{…}}\n\n'
    answers: dict[str, dict[str, Any]] = {
        "/health": {"application/json": {"schema": _status("ok"), "example": {"status": "ok"}}},
        "/ready": {
            "application/json": {
                "schema": _status("ready", chain={"$ref": _REF.format(name="Chain")}),
                "example": {"status": "ready", "chain": EXAMPLES[d.AuditPage]["chain"]},
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
