"""Signing in with a key, and what a session is good for: each way in that must not work, and the one that does."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.clock import Clock, fill_no_bucket
from support.web.relay import House, Site, post, relaying, sign_text
from support.web.server import get, served, view_of
from support.web.signers import rotate, world_with
from support.worlds.world import World

from ledger.formats.sign_in import SignIn
from ledger.keys import ephemeral
from web.access.sessions import MOST, SECONDS, Sessions
from web.access.sign_in import SECONDS as MINUTES
from web.access.sign_in import SignIns
from web.documents.refusals import (
    MessageChanged,
    NonceUsed,
    NotMember,
    NotSignedIn,
    SessionEnded,
    SignInExpired,
    UnknownNonce,
    WrongChain,
    WrongDomain,
    WrongSigner,
)
from web.documents.signatures import SignatureNotCanonical
from web.reading.latest import Latest, State
from web.reading.snapshot import freeze

HERE = "https://audit.example"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def signins(clock: Clock) -> SignIns:
    return SignIns(31337, clock)


def answered(signins: SignIns, signer: Any, origin: str = HERE) -> tuple[str, str]:
    message = signins.issue(origin, signer.address).text
    return message, sign_text(signer, message)


def test_the_text_is_that_of_the_standard(signins: SignIns) -> None:
    signer = ephemeral()
    issued = signins.issue(HERE, signer.address)
    assert issued.text.split("\n") == [
        "audit.example wants you to sign in with your Ethereum account:",
        signer.address,
        "",
        "Sign in to this consortium to read and to vote. This sends no transaction and costs nothing.",
        "",
        "URI: https://audit.example",
        "Version: 1",
        "Chain ID: 31337",
        f"Nonce: {issued.nonce}",
        "Issued At: 2027-01-15T08:00:00Z",
        "Expiration Time: 2027-01-15T08:05:00Z",
    ]
    assert re.fullmatch("[0-9a-f]{64}", issued.nonce)
    assert issued.expires == 1_800_000_300


def test_a_text_is_valid_once(signins: SignIns) -> None:
    signer = ephemeral()
    message, signature = answered(signins, signer)
    assert signins.redeem(HERE, message, signature) == signer.address
    with pytest.raises(NonceUsed):
        signins.redeem(HERE, message, signature)


def test_a_text_is_valid_for_minutes(signins: SignIns, clock: Clock) -> None:
    signer = ephemeral()
    first, second = answered(signins, signer), answered(signins, signer)
    clock.now += MINUTES
    assert signins.redeem(HERE, *first) == signer.address, "the last second is still in time"
    clock.now += 1
    with pytest.raises(SignInExpired):
        signins.redeem(HERE, *second)


def test_a_text_of_another_server_lets_nobody_in(signins: SignIns, clock: Clock) -> None:
    signer = ephemeral()
    for origin, kind in ((HERE, UnknownNonce), ("https://evil.example", WrongDomain)):
        message, signature = answered(SignIns(31337, clock), signer, origin)
        with pytest.raises(kind):
            signins.redeem(HERE, message, signature)
    message, signature = answered(SignIns(1, clock), signer)
    with pytest.raises(WrongChain):
        signins.redeem(HERE, message, signature)
    with pytest.raises(MessageChanged):
        signins.redeem("http://audit.example", *answered(signins, signer))


def test_a_text_that_this_server_would_not_write_lets_nobody_in(signins: SignIns) -> None:
    signer = ephemeral()
    message, _ = answered(signins, signer)
    for old, new, kind in (
        ("Sign in", "Give all", MessageChanged),
        ("Version: 1", "Version: 2", MessageChanged),
        ("audit.example wants", "evil.example wants", WrongDomain),
        ("08:05:00Z", "09:05:00Z", MessageChanged),
        ("Issued At: 2027", "Issued At: 2026", MessageChanged),
        ("Issued At: 2027-01-15", "Issued At: 2027-02-31", MessageChanged),
        ("Issued At: 2027", "Issued At: soon", MessageChanged),
        ("\n\n", "\r\n\r\n", MessageChanged),
        ("Nonce: ", "Nonce:  ", MessageChanged),
        ("Nonce: ", "Nonce: é", MessageChanged),
        ("Nonce: ", "Nonce: 0", MessageChanged),
        ("Chain ID: 31337", "Chain ID: 31337\nResources:", MessageChanged),
    ):
        changed = message.replace(old, new)
        assert changed != message
        with pytest.raises(kind):
            signins.redeem(HERE, changed, sign_text(signer, changed))


def test_a_text_with_another_time_was_not_issued_by_this_server(signins: SignIns, clock: Clock) -> None:
    """A text cannot be prolonged by writing it again around the same nonce."""
    signer = ephemeral()
    issued = signins.issue(HERE, signer.address)
    forged = SignIn(HERE, signer.address, 31337, issued.nonce, int(clock.now) + 3600).text
    with pytest.raises(UnknownNonce):
        signins.redeem(HERE, forged, sign_text(signer, forged))
    other = ephemeral()
    forged = SignIn(HERE, other.address, 31337, issued.nonce, int(clock.now)).text
    with pytest.raises(UnknownNonce):
        signins.redeem(HERE, forged, sign_text(other, forged))


def test_only_the_key_itself_signs_in(signins: SignIns) -> None:
    signer, message = ephemeral(), ""
    message, signature = answered(signins, signer)
    with pytest.raises(WrongSigner):
        signins.redeem(HERE, message, sign_text(ephemeral(), message))
    with pytest.raises(SignatureNotCanonical):
        signins.redeem(HERE, message, signature[:-2])
    assert signins.redeem(HERE, message, signature) == signer.address, "what failed has used nothing up"


def latest_of(world: World) -> Latest:
    return Latest(State(serial=1, snapshot=freeze(world.history, len(world.events))))


def test_a_session_ends_with_the_key(clock: Clock) -> None:
    signer = ephemeral()
    world = world_with(signer)
    latest = latest_of(world)
    sessions = Sessions(latest, clock=clock)
    word, session = sessions.begin(signer.address)
    assert sessions.find(word) == session
    rotate(world, 1, ephemeral().address)
    latest.post(snapshot=freeze(world.history, len(world.events)))
    with pytest.raises(SessionEnded):
        sessions.find(word)
    with pytest.raises(NotMember):
        sessions.begin(signer.address)


def test_a_session_ends_with_time_and_by_signing_out(clock: Clock) -> None:
    signer = ephemeral()
    sessions = Sessions(latest_of(world_with(signer)), clock=clock)
    word, _ = sessions.begin(signer.address)
    other, _ = sessions.begin(signer.address)
    sessions.end(word)
    with pytest.raises(NotSignedIn):
        sessions.find(word)
    clock.now += SECONDS
    assert sessions.find(other)
    clock.now += 1
    with pytest.raises(NotSignedIn):
        sessions.find(other)
    for guess in ("", "0", other[:-1]):
        with pytest.raises(NotSignedIn):
            sessions.find(guess)


def test_a_member_has_so_many_sessions_and_the_oldest_goes_first(clock: Clock) -> None:
    one, two = ephemeral(), ephemeral()
    sessions = Sessions(latest_of(world_with(one, two)), clock=clock)
    words = [sessions.begin(one.address)[0] for _ in range(MOST + 1)]
    assert sessions.find(sessions.begin(two.address)[0])
    assert sessions.visitor(words[0]).session is None
    assert sessions.find(words[1])


def test_sessions_outlive_a_restart_and_their_tokens_are_nowhere_on_disk(clock: Clock, tmp_path: Path) -> None:
    signer, file = ephemeral(), tmp_path / "home" / "sessions.json"
    latest = latest_of(world_with(signer))
    word, session = Sessions(latest, file, clock).begin(signer.address)
    assert Sessions(latest, file, clock).find(word) == session
    assert word not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("{")
    with pytest.raises(NotSignedIn):
        Sessions(latest, file, clock).find(word)


@pytest.fixture(scope="module")
def member() -> Any:
    return ephemeral()


def sign_in(url: str, signer: Any, reader: httpx.Client) -> httpx.Response:
    message = reader.get(url + "/sign-in.json", params={"address": signer.address}).json()["message"]
    return reader.post(url + "/sign-in.json", json={"message": message, "signature": sign_text(signer, message)})


def test_a_member_signs_in_and_out_over_http(member: Any) -> None:
    log = io.StringIO()
    view = view_of(world_with(member), hosts=("127.0.0.1",))
    with served(view, log) as url, httpx.Client(timeout=60) as reader:
        assert reader.get(url + "/session.json").json()["member"] is None
        answer = sign_in(url, member, reader)
        assert answer.status_code == 200
        assert answer.json()["member"] == {"index": 1, "name": "east", "key": member.address}
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Secure" not in cookie
        assert len(reader.cookies["session"]) >= 43
        assert reader.get(url + "/session.json").json()["address"] == member.address
        word = reader.cookies["session"]
        assert reader.post(url + "/sign-out.json", json={}).json()["member"] is None
        assert get(url + "/session.json", cookies={"session": word}).json()["member"] is None
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line.get("member"), line.get("key")) for line in lines if line["path"] == "/session.json"] == [
        (None, None),
        (1, member.address),
        (None, None),
    ]
    assert word not in log.getvalue()


def test_a_sign_in_is_not_taken_twice_nor_from_elsewhere(member: Any) -> None:
    with (
        served(view_of(world_with(member), hosts=("127.0.0.1", "localhost"))) as url,
        httpx.Client(timeout=60) as reader,
    ):
        message = reader.get(url + "/sign-in.json", params={"address": member.address}).json()["message"]
        body = {"message": message, "signature": sign_text(member, message)}
        elsewhere = post(url + "/sign-in.json", json=body, headers={"Host": "localhost:1"})
        assert (elsewhere.status_code, elsewhere.json()["error"]) == (401, "WrongDomain")
        assert post(url + "/sign-in.json", json=body).status_code == 200
        replay = post(url + "/sign-in.json", json=body)
        assert (replay.status_code, replay.json()["error"]) == (401, "NonceUsed")
        assert replay.json()["advice"]
        stranger = sign_in(url, ephemeral(), reader)
        assert (stranger.status_code, stranger.json()["error"]) == (403, "NotMember")
        assert "set-cookie" not in stranger.headers


def test_a_cookie_is_for_https_where_the_server_is(member: Any) -> None:
    view = view_of(world_with(member), hosts=("127.0.0.1",), origin="https://audit.example")
    with served(view) as url, httpx.Client(timeout=60) as reader:
        answer = sign_in(url, member, reader)
        assert "Secure" in answer.headers["set-cookie"]
        wrong = reader.post(url + "/sign-out.json", json={}, headers={"Origin": url})
        assert (wrong.status_code, wrong.json()["error"]) == (403, "WrongOrigin")
        ours = reader.post(url + "/sign-out.json", json={}, headers={"Origin": "https://audit.example"})
        assert ours.status_code == 200


def test_a_server_that_knows_no_address_of_its_own_signs_nobody_in(member: Any) -> None:
    with served(view_of(world_with(member))) as url:
        answer = get(url + "/sign-in.json", params={"address": member.address})
    assert (answer.status_code, answer.json()["error"]) == (503, "NoOrigin")
    assert "--origin" in answer.json()["advice"]


def test_a_session_has_a_rate_of_its_own(member: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fill_no_bucket(monkeypatch)
    view = view_of(world_with(member), hosts=("127.0.0.1",), rate=2.0)
    with served(view) as url, httpx.Client(timeout=60) as reader:
        sign_in(url, member, reader)
        statuses = [reader.get(url + "/health").status_code for _ in range(12)]
    assert 429 in statuses


def paths(url: str) -> list[tuple[str, str]]:
    """Every request there is, with the gaps of its address filled in."""
    from web.pages import PAGES

    found = get(url + "/openapi.json").json()["paths"]
    filled = {"job": "1", "round": "1", "number": "1", "name": "0f" * 32, "cid": "bafkrei" + "a" * 52}
    asked = [(method, path) for path, operations in found.items() for method in operations]
    asked += [("get", page.path.replace(":int", "")) for page in PAGES]
    return [(method, re.sub(r"{(\w+)}", lambda part: filled.get(part[1], "1"), path)) for method, path in asked]


OPEN = {"/health", "/ready", "/metrics", "/sign-in.json", "/session.json", "/sign-out.json"}
OPEN |= {"/sign-in-link.json", "/sign-in/1"}


def test_only_members_read_a_server_for_members(member: Any) -> None:
    view = view_of(world_with(member), hosts=("127.0.0.1",), read="members")
    with served(view) as url, httpx.Client(timeout=60) as reader:
        asked = paths(url)
        for method, path in asked:
            answer = httpx.request(method, url + path, json={} if method == "post" else None, timeout=60)
            if path in OPEN or (method, path) == ("post", "/relay.json"):
                assert answer.status_code != 401 or answer.json()["error"] != "NotSignedIn", path
            else:
                assert (answer.status_code, answer.json()["error"]) == (401, "NotSignedIn"), path
        assert get(url + "/static/live.js").status_code == 200
        page = get(url + "/", headers={"Accept": "text/html"})
        assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
        sign_in(url, member, reader)
        for method, path in asked:
            if method == "get" and path not in {"/events", "/sign-in/1"}:
                assert reader.get(url + path).status_code != 401, path
        assert reader.get(url + "/jobs.json").headers["cache-control"] == "private, no-cache"


def test_a_forged_host_opens_nothing(member: Any) -> None:
    """The URL of a request is made of its Host header, too: one that continues as an open address opens no other."""
    for hosts in (("127.0.0.1",), ()):
        with served(view_of(world_with(member), hosts=hosts, read="members")) as url:
            for forged in ("127.0.0.1/sign-in.json?", "127.0.0.1/health#", "127.0.0.1\\health", "a@127.0.0.1/health?"):
                answer = get(url + "/jobs.json", headers={"Host": forged})
                assert (answer.status_code, answer.json()["error"]) == (421, "WrongHost"), forged
            assert get(url + "/jobs.json").status_code == 401
            assert get(url + "//health").status_code in {401, 404}


def test_a_stream_of_events_ends_with_the_session(member: Any) -> None:
    view = view_of(world_with(member), hosts=("127.0.0.1",), read="members")
    with served(view) as url, httpx.Client(timeout=60) as reader:
        sign_in(url, member, reader)
        with reader.stream("GET", url + "/events") as answer:
            lines = answer.iter_lines()
            assert next(lines)
            post(url + "/sign-out.json", json={}, cookies={"session": reader.cookies["session"]})
            assert not [line for line in lines if line.startswith("event: ")][1:], "the stream ends"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, found_house: Any) -> Iterator[House]:
    with found_house(tmp_path_factory.mktemp("keys") / "house") as house:
        yield house


@pytest.fixture(scope="module")
def site(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with relaying(house, tmp_path_factory.mktemp("server"), read="members") as site:
        yield site


def test_a_stolen_session_is_worth_nothing_once_its_key_is_rotated(house: House, site: Site) -> None:
    older = house.propose(1)
    member = site.sign_in(0)
    stolen = {"session": member.cookies["session"]}
    assert get(site.url + "/jobs.json", cookies=stolen).status_code == 200
    old, fresh = house.signers[0], ephemeral()
    house.send(0, "rotateKey", fresh.address, contract="consortium")
    site.read()
    answer = get(site.url + "/jobs.json", cookies=stolen)
    assert (answer.status_code, answer.json()["error"]) == (401, "SessionEnded")
    body = house.vote(0, older)
    assert site.post(body).json()["error"] == "NotMember", "the old key votes no more"
    house.signers[0] = fresh
    try:
        assert site.post(house.vote(0, older)).json()["error"] == "NotInElectorate"
        assert site.settled_by(site.sign_in(0), site.post(house.vote(0, house.propose(1))))["status"] == "done"
    finally:
        house.signers[0] = old
    assert set(house.votes(older)) == set()


def test_a_removed_member_is_out_at_once(house: House, site: Site) -> None:
    reader = site.sign_in(3)
    keeper = site.sign_in(1)
    leaving = house.propose_removal(3)
    for index in (1, 2, 3):
        answer = site.post(house.vote(index, leaving))
        assert site.settled_by(keeper, answer)["status"] == "done", "it may vote on that, too"
    for kind in ("close", "execute"):
        answer = site.post({"kind": kind, "number": leaving.number}, reader=keeper)
        assert site.settled_by(keeper, answer)["status"] == "done"
    site.read()
    assert reader.get("/jobs.json").json()["error"] == "SessionEnded"
    assert site.post(house.vote(3, house.propose(1))).json()["error"] == "NotMember"
