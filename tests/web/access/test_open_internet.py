"""A server that strangers reach: no redirect by their Host, https kept, and nothing told that is the operator's."""

import re
from datetime import UTC, datetime
from http.client import IncompleteRead
from typing import Any

import httpx
import pytest
from support.content.holders import Memory
from support.web.relay import sign_text
from support.web.released import address, ask, holder_of, shop
from support.web.server import PATHS, get, served, view_of
from support.worlds.releases import release
from support.worlds.world import World

from ledger.errors import UsageError
from ledger.events.records import KeyRotated
from ledger.formats.artifact import Tensor
from ledger.formats.cid import Cid
from ledger.keys import ephemeral
from ledger.store import Unreachable
from ledger.store.files import walk
from web.cli.access import Access, checked_contact, checked_proxies

ORIGIN = "https://audit.example"
OURS, EVIL = {"Host": "audit.example"}, {"Host": "evil.example"}


@pytest.fixture
def world() -> World:
    return World().open_job().honest_round()


def settings(**more: Any) -> dict[str, Any]:
    """What `--read public --origin ORIGIN` makes of a view."""
    access = Access.of("public", "0.0.0.0", ORIGIN)  # noqa: S104
    return {"hosts": access.hosts, "read": access.read, "origin": access.origin, **more}


def test_nothing_is_redirected_and_no_response_names_the_requests_host(world: World) -> None:
    with served(view_of(world, read="public")) as url:
        for path in [
            *(f"{path}/" for path in PATHS if path != "/"),
            "/static",
            "/static/",
            "/jobs//",
            "//evil.example",
        ]:
            answer = get(url + path, headers=EVIL, follow_redirects=False)
            assert (answer.status_code, "location" in answer.headers) == (404, False), path
            assert "evil.example" not in str(answer.headers), path


def test_a_public_server_with_an_origin_responds_to_its_names_only(world: World) -> None:
    with served(view_of(world, **settings())) as url:
        assert get(url + "/members", headers=OURS).status_code == 200
        assert get(url + "/members", headers={"Host": "audit.example:443"}).status_code == 200
        refused = get(url + "/members/", headers=EVIL, follow_redirects=False)
        assert (refused.status_code, refused.json()["error"]) == (421, "WrongHost")


def test_an_https_origin_is_reached_by_https_alone(world: World) -> None:
    with served(view_of(world, **settings())) as url:
        for path in ("/", "/nothing", "/static/live.js", "/health"):
            assert get(url + path, headers=OURS).headers["strict-transport-security"] == "max-age=31536000"
        assert "Secure" in get(url + "/?lang=en", headers=OURS).headers["set-cookie"]
        assert "strict-transport-security" in get(url + "/", headers=EVIL).headers
    with served(view_of(world)) as url:
        answer = get(url + "/?lang=en")
    assert "strict-transport-security" not in answer.headers
    assert "Secure" not in answer.headers["set-cookie"]


def test_with_an_https_origin_the_session_is_in_a_cookie_that_no_other_host_can_set() -> None:
    signer, world = ephemeral(), World(2).open_job()
    old, world.keys[1] = world.keys[1], signer.address
    world.emit(KeyRotated, index=1, old_key=old, new_key=signer.address, epoch=world.history.epoch + 1)
    with served(view_of(world, **settings())) as url, httpx.Client(base_url=url, headers=OURS, timeout=60) as reader:
        message = reader.get("/sign-in.json", params={"address": signer.address}).json()["message"]
        answer = reader.post("/sign-in.json", json={"message": message, "signature": sign_text(signer, message)})
        cookie = answer.headers["set-cookie"]
        found = re.match(r"__Host-session=([\w-]{43,});", cookie)
        assert found
        assert all(part in cookie for part in ("; Secure", "; Path=/", "; HttpOnly", "; SameSite=strict"))
        assert "Domain" not in cookie
        for name, member in (("__Host-session", True), ("session", False)):
            named = get(url + "/session.json", headers=OURS | {"Cookie": f"{name}={found[1]}"})
            assert (named.json()["member"] is not None) is member
        gone = get_out(url, found[1])
        assert gone.startswith('__Host-session=""; ')
        assert "; Secure" in gone


def get_out(url: str, token: str) -> str:
    """Sign out; the cookie's end."""
    headers = OURS | {"Cookie": f"__Host-session={token}"}
    return httpx.post(url + "/sign-out.json", json={}, headers=headers, timeout=60).headers["set-cookie"]


class Talker(Memory):
    """A holder that has something to say, and no blocks."""

    def copy(self, cid: Cid) -> bytes:
        raise Unreachable("OPEN SESAME", holder="OPEN SESAME", block=cid, url="http://10.0.0.1/OPEN SESAME")


def test_what_a_holder_says_reaches_no_reader(world: World) -> None:
    made = release(world)
    with served(shop(world, Talker("the holder"), public=True)) as url:
        cid = get(url + "/jobs/1/models/1.json").json()["models"][0]["cid"]
        for target in (address(made), f"/ipfs/{cid}?format=raw", f"/ipfs/{cid}?format=car"):
            answer = ask(url, target)
            assert answer.status in {404, 503}, target
            assert b"SESAME" not in answer.body, target
            assert b"10.0.0.1" not in answer.body, target


def test_a_holder_that_fails_half_way_cuts_the_response_and_the_server_prints_nothing(
    capfd: pytest.CaptureFixture[str],
) -> None:
    world = World(tensors=(Tensor("layer.weight", (700, 1000)),)).open_job().honest_round()
    made = release(world)
    holder = holder_of(world)
    with served(shop(world, holder)) as url:
        assert ask(url, address(made)).status == 200
        models = get(url + "/jobs/1/models/1.json").json()["models"]
        parts = [part.cid for part, _ in walk(lambda part: holder.get(part.cid), Cid.parse(models[0]["cid"]))]
        del holder.blocks[parts[-1]]
        for target in (address(made), f"/ipfs/{parts[0]}?format=car"):
            with pytest.raises(IncompleteRead):
                ask(url, target)
        assert get(url + "/health").status_code == 200
    assert capfd.readouterr().err == ""


def test_pages_elsewhere_may_read_the_counts_only_where_everyone_may(world: World) -> None:
    headers = OURS | {"Origin": "https://evil.example"}
    for open_metrics in (False, True):
        with served(view_of(world, **settings(open_metrics=open_metrics))) as url:
            shared = [
                "access-control-allow-origin"
                in httpx.request(method, url + "/metrics", headers=headers, timeout=60).headers
                for method in ("GET", "HEAD", "OPTIONS")
            ]
            assert shared == [open_metrics] * 3


def test_the_counts_are_for_this_machine_and_for_members(world: World) -> None:
    passed_on = ({"X-Forwarded-For": "192.0.2.7"}, {"Forwarded": "for=192.0.2.7"}, {"Via": "1.1 proxy"}, OURS)
    with served(view_of(world, **settings())) as url:
        answer = get(url + "/metrics")
        assert (answer.status_code, answer.json()["error"]) == (401, "NotSignedIn"), "a proxy may not say so"
    with served(view_of(world, read="public")) as url:
        assert get(url + "/metrics").status_code == 200
        for headers in passed_on:
            answer = get(url + "/metrics", headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (401, "NotSignedIn")
    with served(view_of(world, **settings(open_metrics=True))) as url:
        assert [get(url + "/metrics", headers=headers).status_code for headers in passed_on] == [200] * 4
    with served(view_of(world, read="members", hosts=("127.0.0.1",))) as url:
        assert get(url + "/metrics").status_code == 200
        assert get(url + "/metrics", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 401


def test_who_asks_to_be_told_of_faults_is_named_for_half_a_year(world: World) -> None:
    path = "/.well-known/security.txt"
    with served(view_of(world, **settings())) as url:
        assert get(url + path, headers=OURS).status_code == 404
    members = settings(read="members", contact="mailto:security@audit.example")
    with served(view_of(world, **members)) as url:
        answer = get(url + path, headers=OURS)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    contact, expires, canonical = answer.text.splitlines()
    assert (contact, canonical) == ("Contact: mailto:security@audit.example", f"Canonical: {ORIGIN}{path}")
    left = datetime.fromisoformat(expires.removeprefix("Expires: ")) - datetime.now(UTC)
    assert 170 < left.days < 200


def test_files_are_kept_under_their_digest_and_asked_for_again_under_any_other_address(world: World) -> None:
    with served(view_of(world)) as url:
        addresses = set(re.findall(r'"(/static/[^"]+)"', get(url + "/", headers={"Accept": "text/html"}).text))
        assert {one.partition("?")[0] for one in addresses} >= {"/static/style.css", "/static/live.js"}
        for one in addresses:
            kept = get(url + one)
            assert (kept.status_code, kept.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
            bare = one.partition("?")[0]
            for other in (bare, bare + "?v=0123456789abcdef", one + "&x"):
                assert get(url + other).headers["cache-control"] == "no-cache"
            again = get(url + bare, headers={"If-None-Match": kept.headers["etag"]})
            assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")


def test_a_proxys_address_and_a_contact_are_checked() -> None:
    assert checked_proxies(("127.0.0.1", "10.1.2.3/8", "::1")) == ("127.0.0.1/32", "10.0.0.0/8", "::1/128")
    assert checked_contact(None) == ""
    for proxy in ("*", "proxy.example", ""):
        with pytest.raises(UsageError):
            checked_proxies((proxy,))
    for contact in ("security@audit.example", "mailto:a b", "https://x\nEvil: yes", "javascript:alert"):
        with pytest.raises(UsageError):
            checked_contact(contact)
