"""The interface is what its description says: fuzzed, and every example fits its schema."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from support.web.released import holder_of, known
from support.web.server import get, served, view_of
from support.worlds.decisions import Chamber
from support.worlds.scorers import ScoredWorld

from ledger.events.actions import RemoveMember
from ledger.keys import ephemeral
from web.pages import PAGES
from web.reading.library import Library
from web.relay.relayer import Relayer

SERVICE = ["/health", "/ready", "/metrics", "/ipfs/{cid}", "/atom.xml"]
MEMBERS = [
    "/sign-in.json",
    "/session.json",
    "/proposals/{number}/ballot.json",
    "/relay/{name}.json",
    "/sign-in/{token}",
    "/desk.json",
]
FILES = [f"/releases/{{name}}/{{version}}/{name}" for name in ("model.safetensors", "README.md")]
ASKED = [page.json_path.replace(":int", "") for page in PAGES] + SERVICE + MEMBERS + FILES
POSTED = [
    *("/sign-in.json", "/sign-in-link.json", "/sign-out.json", "/proposals/typed-data.json", "/relay.json"),
    *("/jobs/check.json", "/jobs/draft.json"),
]
BEYOND = [positive_data_acceptance]
"""A schema cannot express EIP-55, nor that a signature is the signer's: what fits it may still be refused."""


def world() -> ScoredWorld:
    """Two final rounds, of which the first has scores, a proposal in Voting, and a release."""
    made = ScoredWorld()
    made.open_job().honest_round().honest_round()
    made.open_scoring().score(without=(1,))
    chamber = Chamber(made, 2**32).propose(RemoveMember(3))
    chamber.release(chamber.model())
    return made


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    made = world()
    view = view_of(made, known=known(made), hosts=("127.0.0.1",))
    relayer = Relayer(view.network, view.latest, ephemeral(), tmp_path_factory.mktemp("relay"))
    holder: Any = holder_of(made)
    content = Library(view.latest, view.network, holder)
    with served(replace(view, relayer=relayer, content=content)) as address:
        yield address


@pytest.fixture(scope="module")
def interface(url: str) -> Any:
    return schemathesis.openapi.from_url(url + "/openapi.json")


def ask(operation: Any, mode: GenerationMode) -> None:
    """Send some forty requests and compare every response with the description."""

    @settings(max_examples=40, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(case=operation.as_strategy(generation_mode=mode))
    def asked(case: Any) -> None:
        answer = case.call()
        if answer.status_code not in {413, 414}:  # refused before it was read
            case.validate_response(answer, excluded_checks=BEYOND if case.path in POSTED + MEMBERS else [])

    asked()


@pytest.mark.parametrize("path", ASKED)
def test_a_valid_request_gets_a_response_as_described(interface: Any, path: str) -> None:
    ask(interface[path]["GET"], GenerationMode.POSITIVE)


@pytest.mark.parametrize("path", [path for path in ASKED if "{" in path])
def test_no_invalid_request_makes_the_server_fail(interface: Any, path: str) -> None:
    ask(interface[path]["GET"], GenerationMode.NEGATIVE)


@pytest.mark.parametrize("path", POSTED)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_body_makes_the_server_fail(interface: Any, path: str, mode: GenerationMode) -> None:
    ask(interface[path]["POST"], mode)


def test_the_description_is_whole_and_its_examples_fit(url: str) -> None:
    document = get(url + "/openapi.json").json()
    paths = document["paths"]
    gets = {path: operations["get"] for path, operations in paths.items() if "get" in operations}
    assert {page.json_path.replace(":int", "") for page in PAGES} <= gets.keys()
    assert gets.keys() >= {"/health", "/ready", "/metrics", "/events", "/ipfs/{cid}", *MEMBERS}
    assert {path for path, operations in paths.items() if "post" in operations} == set(POSTED)
    for path, operations in paths.items():
        for method, operation in operations.items():
            assert operation["summary"], path
            assert (method == "post") == ("requestBody" in operation), path
            bodies = [operation["requestBody"]] if method == "post" else []
            for answer in [*operation["responses"].values(), *bodies]:
                _check_examples(answer, document["components"])


def test_every_operation_has_a_name_and_what_any_request_may_get(url: str) -> None:
    document = get(url + "/openapi.json").json()
    operations = [(path, method, one) for path, methods in document["paths"].items() for method, one in methods.items()]
    names = [one["operationId"] for _, _, one in operations]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch("[a-z]+(_[a-z]+)*", name) or name.endswith("_get")] == []
    for path, _, one in operations:
        assert one["responses"].keys() >= {"404", "405", "421", "429", "500"}, path
        assert ("security" in one) <= ("401" in one["responses"]), path
    secured = {path for path, _, one in operations if "security" in one}
    assert {"/jobs.json", "/relay.json", "/events"} <= secured
    assert secured.isdisjoint({"/health", "/session.json", "/sign-in.json", "/sign-in-link.json"})
    scheme = document["components"]["securitySchemes"]["session"]
    assert (scheme["type"], scheme["in"]) == ("apiKey", "cookie")


def test_a_method_that_is_not_described_is_refused_with_those_that_are(url: str) -> None:
    for path, operations in get(url + "/openapi.json").json()["paths"].items():
        target = re.sub(r"{\w+}", "1", path)
        answer = httpx.request("DELETE", url + target, timeout=60)
        described = {method.upper() for method in operations}
        extra = {"OPTIONS"} | ({"HEAD"} if "GET" in described and path != "/sign-in/{token}" else set())
        assert answer.status_code == 405, path
        assert set(answer.headers["allow"].split(", ")) == described | extra, path


def _check_examples(answer: Any, components: Any) -> None:
    for kind, content in answer.get("content", {}).items():
        if kind in {"application/json", "application/problem+json"}:
            jsonschema_rs.validate({**content["schema"], "components": components}, content["example"])
