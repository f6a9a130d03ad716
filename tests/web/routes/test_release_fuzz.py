"""No unreleased model is ever served: after any decisions and for any request, a model's bytes come if and only
if the address is that of a release in use.
"""

import copy
import re
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.web.released import address, ask, bytes_of, read_again, shop
from support.web.server import served
from support.worlds.releases import propose, releasable, release, revoke, roll_back, vote
from support.worlds.world import World

from ledger.events.proposals import Release
from ledger.events.records import Choice
from ledger.formats.cid import Cid, of_file
from ledger.history.names import reason_word
from web.view import View

NAMES, VERSIONS, ROUNDS = ("cardio", "x.y-2"), ("1", "1.0"), 3
SAMPLE = 64
"""So many bytes of a model are looked for in what must have none."""


class Shop:
    """One server; each example posts a history of its own, as the next reading would."""

    def __init__(self, url: str, view: View, base: World) -> None:
        self.url, self.view, self.base = url, view, base
        self.artifacts = {cid: data for cid, data in base.files.files.items() if cid != base.job.cid}


@pytest.fixture(scope="module")
def place() -> Iterator[Shop]:
    base = World().open_job()
    for _ in range(ROUNDS):
        base.honest_round()
    view = shop(base, public=True)
    with served(view) as url:
        yield Shop(url, view, base)


steps = st.tuples(
    st.sampled_from(["release", "release", "propose", "pass", "reject", "revoke", "roll back"]),
    st.sampled_from(NAMES),
    st.sampled_from(VERSIONS),
    st.integers(1, ROUNDS),
)


def play(base: World, history: list[tuple[str, str, str, int]]) -> World:
    """A world in which that was decided; what the contracts would not allow is passed over."""
    world = copy.deepcopy(base)
    decisions = world.history.decisions
    for what, name, version, number in history:
        known, in_use = decisions.release(name, version), [r for r in decisions.releases.values() if not r.revoked]
        if what in ("revoke", "roll back") and in_use:
            chosen = in_use[number % len(in_use)]
            if what == "revoke":
                revoke(world, chosen, reason_word(f"round {number}"))
            elif decisions.current.get(chosen.name) is not chosen:
                roll_back(world, chosen)
        elif known is None and what == "release":
            release(world, name, version, number)
        elif known is None and what in ("propose", "pass", "reject"):
            proposal = propose(world, releasable(world, name, version, number))
            if what != "propose":
                vote(world, proposal, Choice.FOR if what == "pass" else Choice.AGAINST)
    return world


def spelled(text: str) -> st.SearchStrategy[str]:
    """Ways to write a name in an address, and names that are none."""
    encoded = "".join(f"%{ord(sign):02x}" for sign in text)
    others = (text.upper(), text + "%00", text + "%2f", text + "/", "..", "%2e%2e", "", "*", f"{text}@1", "%e2%80%ae")
    return st.sampled_from((text, text, text, encoded, encoded.upper(), *others))


PATHS = (
    "/releases/{n}/{v}/model.safetensors",
    "/releases/{n}/{v}/model.safetensors",
    "/releases/{n}/{v}/model.safetensors",
    "/releases/{n}/{v}/model.safetensors/",
    "/releases/{n}/{v}/model.safetensors?version={w}",
    "/releases/{n}/{v}/model.safetensors#x",
    "/releases/{n}/{v}/MODEL.SAFETENSORS",
    "/releases/{n}/{v}/model%2esafetensors",
    "/releases/{n}%2f{v}/model.safetensors",
    "/releases/{n}/{v};x/model.safetensors",
    "/releases/{n}/./{v}/model.safetensors",
    "/releases/{n}/{v}/../{w}/model.safetensors",
    "/releases/{n}/{v}/%2e%2e/{w}/model.safetensors",
    "/releases//{n}/{v}/model.safetensors",
    "//releases/{n}/{v}/model.safetensors",
    "/releases/{n}/{v}",
    "/releases/{n}/model.safetensors",
    "/releases/{n}/{v}/README.md",
    "/static/../releases/{n}/{v}/model.safetensors",
)


@st.composite
def targets(draw: st.DrawFn) -> str:
    name, version = draw(st.sampled_from(NAMES)), draw(st.sampled_from(VERSIONS))
    parts = {"n": draw(spelled(name)), "v": draw(spelled(version)), "w": draw(st.sampled_from(VERSIONS))}
    return draw(st.sampled_from(PATHS)).format(**parts)


METHODS = st.sampled_from(["GET", "GET", "GET", "HEAD", "POST", "PUT", "OPTIONS"])
HEADERS = st.sampled_from(
    [
        {},
        {},
        {"Range": "bytes=0-99"},
        {"Range": "bytes=-100"},
        {"Accept": "text/html"},
        {"If-None-Match": "*"},
        {"X-Original-URL": "/releases/cardio/1/model.safetensors"},
        {"X-Forwarded-Prefix": "/releases/cardio"},
    ]
)
FUZZ = settings(
    max_examples=100,
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
    phases=[Phase.generate],
)


def meant(world: World, target: str) -> Release | None:
    """The release in use that an address is that of, once it is decoded; the oracle. A fragment is no part of what is
    asked for (RFC 9110, section 7.1); a parser that gets one drops it.
    """
    path = unquote(re.split("[?#]", target)[0])
    in_use = [one for one in world.history.decisions.releases.values() if not one.revoked]
    return next((one for one in in_use if path == address(one)), None)


def in_use(world: World) -> set[Cid]:
    """The files of the models that are released and not revoked."""
    releases = [one for one in world.history.decisions.releases.values() if not one.revoked]
    finals = [world.state.rounds[one.round].final for one in releases]
    return {of_file(final.cid, world.layout.size) for final in finals if final}


def holds_a_model(place: Shop, body: bytes, world: World) -> bool:
    """Whether there are bytes of a model or an update in a response, as integers or as floats."""
    samples = [data[-SAMPLE:] for data in place.artifacts.values()]
    floats = [bytes_of(world, one)[-SAMPLE:] for one in world.history.decisions.releases.values()]
    return any(sample in body for sample in samples + floats)


def response_for(whole: bytes, method: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """The status and bytes that a request for a released file gets; the oracle. HEAD has no ranges."""
    if "If-None-Match" in headers:
        return 304, b""
    if method == "GET" and "Range" in headers:
        return 206, {"bytes=0-99": whole[:100], "bytes=-100": whole[-100:]}[headers["Range"]]
    return 200, whole


QUESTIONS = st.lists(st.tuples(targets(), METHODS, HEADERS), min_size=2, max_size=6)
PLAIN: list[tuple[str, str, dict[str, str]]] = [
    (f"/releases/{name}/{version}/model.safetensors", "GET", {}) for name in NAMES for version in VERSIONS
]
"""Asked in every example: the addresses of all that is ever released or proposed."""


@FUZZ
@given(history=st.lists(steps, max_size=10), asked=QUESTIONS)
def test_a_model_is_served_if_and_only_if_it_is_released_and_not_revoked(
    place: Shop, history: list[tuple[str, str, str, int]], asked: list[tuple[str, str, dict[str, str]]]
) -> None:
    world = play(place.base, history)
    read_again(place.view, world)
    for target, method, headers in [*PLAIN, *asked]:
        answer = ask(place.url, target, method, **headers)
        wanted = meant(world, target) if method in ("GET", "HEAD") else None
        if wanted is not None:
            status, body = response_for(bytes_of(world, wanted), method, headers)
            assert answer.status == status, (target, answer)
            assert answer.headers.get("content-length", "0") == str(len(body))
            assert answer.body == (body if method == "GET" else b"")
        else:
            assert answer.status not in {200, 206, 304} or not target.split("?")[0].endswith("safetensors"), (
                target,
                answer.status,
            )
            assert answer.status < 500, (target, answer)
            assert not holds_a_model(place, answer.body, world), target


@FUZZ
@given(
    history=st.lists(steps, max_size=6),
    position=st.integers(0, 1 << 20),
    form=st.sampled_from(["?format=raw", "?format=car", "", "?format=RAW", "/?format=raw"]),
    upper=st.booleans(),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_the_public_gets_no_model_by_its_cid_that_is_not_released(
    place: Shop, history: list[tuple[str, str, str, int]], position: int, form: str, upper: bool, method: str
) -> None:
    world = play(place.base, history)
    read_again(place.view, world)
    cids = sorted(place.artifacts)
    text = str(cids[position % len(cids)])
    answer = ask(place.url, f"/ipfs/{text.upper() if upper else text}{form}", method, Accept="application/vnd.ipld.raw")
    if cids[position % len(cids)] in in_use(world):
        refusals = (400, 404, 406) if upper else (404, 406)
        assert answer.status in (200, *refusals), "a released model is for everyone, in the right form"
    else:
        assert 300 <= answer.status < 500
        assert not holds_a_model(place, answer.body, world)


def test_the_fuzz_meets_both_sides(place: Shop) -> None:
    """Its histories have releases in use, revoked ones and mere proposals; what it compares with is what is served."""
    released = [("release", "cardio", "1", 1), ("release", "cardio", "1.0", 2)]
    world = play(place.base, [*released, ("revoke", "", "", 2), ("pass", "x.y-2", "1", 3)])
    read_again(place.view, world)
    first, second = world.history.decisions.releases.values()
    answers = [ask(place.url, address(one)) for one in (first, second)]
    assert [answer.status for answer in answers] == [410, 200]
    assert holds_a_model(place, answers[1].body, world)
    assert ask(place.url, "/releases/x.y-2/1/model.safetensors").status == 403
    assert meant(world, "/releases/%63ardio/1.0/model.safetensors") is second
