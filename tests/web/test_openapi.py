"""The interface is what its description says: fuzzed, and every example fits its schema."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from ledger_world import World
from schemathesis import GenerationMode
from web_views import get, served, view_of

from ledger.web.app import PAGES

ASKED = [shown.json.replace(":int", "") for shown in PAGES] + ["/health", "/ready", "/metrics", "/ipfs/{cid}"]
ASKED += [f"/releases/{{name}}/{{version}}/{name}" for name in ("model.safetensors", "README.md")]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(view_of(World().open_job().honest_round().honest_round())) as address:
        yield address


@pytest.fixture(scope="module")
def interface(url: str) -> Any:
    return schemathesis.openapi.from_url(url + "/openapi.json")


def ask(operation: Any, mode: GenerationMode) -> None:
    """Ask some forty questions and hold every answer to the description."""

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def asked(case: Any) -> None:
        case.call_and_validate()

    asked()


@pytest.mark.parametrize("path", ASKED)
def test_a_good_question_is_answered_as_described(interface: Any, path: str) -> None:
    ask(interface[path]["GET"], GenerationMode.POSITIVE)


@pytest.mark.parametrize("path", [path for path in ASKED if "{" in path])
def test_no_bad_question_makes_the_server_fail(interface: Any, path: str) -> None:
    ask(interface[path]["GET"], GenerationMode.NEGATIVE)


def test_the_description_is_whole_and_its_examples_fit(url: str) -> None:
    document = get(url + "/openapi.json").json()
    gets = {path: operations["get"] for path, operations in document["paths"].items()}
    assert {shown.json.replace(":int", "") for shown in PAGES} <= gets.keys()
    assert gets.keys() >= {"/health", "/ready", "/metrics", "/events", "/ipfs/{cid}"}
    for path, operation in gets.items():
        assert operation["summary"], path
        for answer in operation["responses"].values():
            for kind, content in answer.get("content", {}).items():
                if kind != "application/json":
                    continue
                whole = {**content["schema"], "components": document["components"]}
                jsonschema_rs.validate(whole, content["example"])
