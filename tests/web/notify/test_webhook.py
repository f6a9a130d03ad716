"""News are posted until they are taken: signed, in order, each under one id; and nowhere that was not allowed."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.content.answering import send
from support.content.holders import Server
from support.web.server import HOSTILE, get, governed, network, served, snapshot_of, until, view_of
from support.worlds.decisions import Chamber
from support.worlds.world import World

from ledger.errors import FedledgerError, Unavailable, UsageError
from ledger.events.actions import CloseJob
from ledger.http.outgoing import Outgoing
from web.notify import webhook
from web.notify.bookmark import Bookmark
from web.notify.hook import Hook
from web.notify.news import NEWS
from web.notify.webhook import Webhook
from web.reading.events import feed
from web.reading.latest import Latest
from web.view import View

KEY = bytes(range(32))
LINE = "whsec_" + base64.b64encode(KEY).decode()
LOOPBACK = ("127.0.0.0/8",)


class Inbox:
    """A receiver: what it took, by the order in which it came. `statuses` are its next answers, 200 after them."""

    def __init__(self, *statuses: int, **headers: str) -> None:
        self.statuses, self.headers = list(statuses), headers
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.taken: list[str] = []

    def __call__(self, handler: Any) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = handler.rfile.read(int(headers["content-length"]))
        handler.headers.replace_header("Content-Length", "0")
        status = self.statuses.pop(0) if self.statuses else 200
        self.seen.append((headers, body))
        if status < 300:
            self.taken.append(headers["webhook-id"])
        send(handler, status, **(self.headers if status >= 300 else {}))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "FIRST_REST", 0.05)
    monkeypatch.setattr(webhook, "LAST_REST", 0.2)
    monkeypatch.setattr(webhook, "LOOK", 0.1)


def hook_file(folder: Path, url: str, key: str = LINE) -> Path:
    file = folder / "hook.txt"
    file.touch(mode=0o600)
    file.write_text(f"{url}\n{key}\n")
    return file


def sender(view: View, folder: Path, url: str, allow: tuple[str, ...] = LOOPBACK) -> Webhook:
    hook = Hook.read(hook_file(folder, url), allow)
    return Webhook(hook, view.latest, view.network, Outgoing(), folder / "webhook.json")


def show(view: View, world: World) -> None:
    """The server reads what is new."""
    view.latest.post(snapshot=snapshot_of(world))


def known(folder: Path) -> bool:
    return (folder / "webhook.json").exists()


def news_in(world: World, after: int = 0) -> list[str]:
    return [event.tx.hex() for event in world.events[after:] if type(event) in NEWS]


def test_what_is_new_is_posted_signed_and_in_order_and_nothing_that_was_before(tmp_path: Path) -> None:
    world = World().open_job().honest_round()
    view, inbox, before = view_of(world), Inbox(), len(world.events)
    with Server(inbox) as there, sender(view, tmp_path, there.url + "/hook?token=abc"):
        until(lambda: known(tmp_path))
        world.honest_round()
        Chamber(world, 2**32).decide(CloseJob(1))
        show(view, world)
        until(lambda: len(inbox.taken) == len(news_in(world, before)))
    assert [name.split(":")[2] for name in inbox.taken] == news_in(world, before)
    for headers, body in inbox.seen:
        said = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(KEY, said, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
        assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
        document = json.loads(body)
        assert (document["fedledger"], document["id"]) == ("news/1", headers["webhook-id"])
        assert document["text"].keys() == {"en", "zh-Hant"}
    assert "Round 2 of job 1 has its model" in json.loads(inbox.seen[0][1])["text"]["en"]


def test_what_is_not_taken_is_posted_again_and_nothing_overtakes_it(tmp_path: Path) -> None:
    world = World().open_job().honest_round()
    view, inbox, before = view_of(world), Inbox(500, 503, 302, 429, Retry_After="0"), len(world.events)
    with Server(inbox) as there, sender(view, tmp_path, there.url) as hook:
        until(lambda: known(tmp_path))
        world.honest_round().honest_round()
        show(view, world)
        until(lambda: len(inbox.taken) == 2)
        until(lambda: hook.trouble == "")
    names = [headers["webhook-id"] for headers, _ in inbox.seen]
    assert names[:5] == [inbox.taken[0]] * 5, "a redirect is not followed"
    assert [name.split(":")[2] for name in inbox.taken] == news_in(world, before)


def test_of_what_is_kept_no_more_the_log_says_once_that_it_was_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world, inbox = World().open_job().honest_round(), Inbox()
    view = view_of(world)
    with Server(inbox) as there:
        with sender(view, tmp_path, there.url):
            until(lambda: known(tmp_path))
        world.honest_round().honest_round().honest_round()
        monkeypatch.setattr(feed, "MOST_EVENTS", 8)
        show(view, world)
        with sender(view, tmp_path, there.url):
            until(lambda: len(inbox.taken) == 1)
            time.sleep(0.3)
    assert [name.split(":")[2] for name in inbox.taken] == news_in(world)[-1:]
    said = [one.getMessage() for one in caplog.records if "kept no more" in one.getMessage()]
    assert len(said) == 1, said


def test_after_a_stop_it_goes_on_where_it_was(tmp_path: Path) -> None:
    world = World().open_job().honest_round()
    view, inbox, before = view_of(world), Inbox(), len(world.events)
    with Server(inbox) as there:
        with sender(view, tmp_path, there.url):
            until(lambda: known(tmp_path))
        world.honest_round().honest_round()
        show(view, world)
        with sender(view, tmp_path, there.url) as hook:
            until(lambda: len(inbox.taken) == 2 and hook._bookmark.told[-1].name == inbox.taken[-1])
        with sender(view, tmp_path, there.url):
            time.sleep(0.3)
    assert [name.split(":")[2] for name in inbox.taken] == news_in(world, before)


def test_what_was_taken_and_not_noted_before_a_crash_is_posted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World().open_job().honest_round()
    view, inbox = view_of(world), Inbox()
    kept, failing = Bookmark.advance, [True]

    def advance(self: Bookmark, number: int, name: str) -> None:
        if self.known and failing:
            failing.pop()
            raise Unavailable("the disk is full")
        kept(self, number, name)

    monkeypatch.setattr(Bookmark, "advance", advance)
    with Server(inbox) as there, sender(view, tmp_path, there.url):
        until(lambda: known(tmp_path))
        world.honest_round()
        show(view, world)
        until(lambda: len(inbox.taken) == 2)
    assert inbox.taken[0] == inbox.taken[1], "the receiver tells by the id"


def test_what_a_reorganisation_puts_in_its_place_is_posted(tmp_path: Path) -> None:
    world, inbox = World().open_job().honest_round(), Inbox()
    view, before = view_of(world), len(world.events)
    with Server(inbox) as there, sender(view, tmp_path, there.url):
        until(lambda: known(tmp_path))
        world.honest_round()
        show(view, world)
        until(lambda: len(inbox.taken) == 1)
        other = World(seed=1).open_job().honest_round()
        assert [one.tx for one in other.events] == [one.tx for one in world.events[:before]]
        other.honest_round(updates=(0, 1, 2)).honest_round()
        show(view, other)
        until(lambda: len(inbox.taken) == 3)
    assert [name.split(":")[2] for name in inbox.taken] == [*news_in(world, before), *news_in(other, before)]


def test_a_reorganisation_soon_after_the_first_start_tells_nothing_that_was_before(tmp_path: Path) -> None:
    inbox, started = Inbox(), World().open_job().honest_round().honest_round()
    view, shorter = view_of(started), World().open_job().honest_round()
    with Server(inbox) as there, sender(view, tmp_path, there.url):
        until(lambda: known(tmp_path))
        show(view, shorter)
        time.sleep(0.3)
        other = World(seed=1).open_job().honest_round().honest_round(updates=(0, 1, 2)).honest_round()
        show(view, other)
        until(lambda: len(inbox.taken) == 2)
        time.sleep(0.3)
    assert [name.split(":")[2] for name in inbox.taken] == news_in(other, len(shorter.events))


def test_a_node_that_reads_the_chain_anew_has_nothing_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "MOST", 2)
    whole = World().open_job().honest_round().honest_round().honest_round()
    view, inbox = view_of(whole), Inbox()
    with Server(inbox) as there, sender(view, tmp_path, there.url):
        until(lambda: known(tmp_path))
        for behind in (World(), World().open_job(), World().open_job().honest_round(), whole):
            show(view, behind)
            time.sleep(0.3)
        before = len(whole.events)
        show(view, whole.honest_round())
        until(lambda: len(inbox.taken) == 1)
        time.sleep(0.3)
    assert [name.split(":")[2] for name in inbox.taken] == news_in(whole, before)


@pytest.mark.parametrize("content", [b"", b"{", b'{"chain":1}', b"\xff\xfe", b"[" * 100_000])
def test_a_broken_bookmark_begins_with_what_comes_next(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "webhook.json"
    file.write_bytes(content)
    assert not Bookmark(file, 1, "0x", "00").known


def test_another_address_does_not_go_on_where_this_one_was(tmp_path: Path) -> None:
    file = tmp_path / "webhook.json"
    Bookmark(file, 1, "0x", "00").advance(7, "name")
    assert Bookmark(file, 1, "0x", "00").told[-1].number == 7
    assert not Bookmark(file, 1, "0x", "01").known
    assert not Bookmark(file, 2, "0x", "00").known
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("url", "allow"),
    [
        ("http://127.0.0.1:{port}/", ()),
        ("http://localhost:{port}/", ("10.0.0.0/8",)),
        ("http://[::ffff:127.0.0.1]:{port}/", ()),
        ("http://169.254.169.254/latest/meta-data", ("0.0.0.0/0", "::/0")),
        ("http://10.1.2.3/", ()),
    ],
)
def test_an_address_that_was_not_allowed_gets_nothing(tmp_path: Path, url: str, allow: tuple[str, ...]) -> None:
    world, inbox = World().open_job().honest_round(), Inbox()
    view = view_of(world)
    with Server(inbox) as there, sender(view, tmp_path, url.format(port=there.port), allow) as hook:
        until(lambda: known(tmp_path))
        world.honest_round()
        show(view, world)
        until(lambda: "webhook cannot be reached" in hook.trouble)
    assert inbox.seen == []


def test_a_receiver_that_is_silent_delays_no_reader_and_no_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "SILENCE", 600)
    monkeypatch.setattr(webhook, "WHOLE", 600)
    world, silence, asked, ended = World().open_job().honest_round(), threading.Event(), [], []
    view = view_of(world)

    def receive(handler: Any) -> None:
        asked.append(handler.path)
        silence.wait(100)
        ended.append(handler.path)

    with Server(receive) as there, served(view) as url:
        hook = sender(view, tmp_path, there.url)
        with hook:
            until(lambda: known(tmp_path))
            world.honest_round()
            show(view, world)
            until(lambda: asked)
            assert get(url + "/").status_code == 200
        assert not ended, "a request on its way is cut"
        silence.set()


def test_names_of_others_are_text_in_what_is_posted(tmp_path: Path) -> None:
    world, inbox = World().open_job().honest_round(), Inbox()
    view = view_of(world, known=network(HOSTILE, title=HOSTILE[0]))
    with Server(inbox) as there, sender(view, tmp_path, there.url):
        until(lambda: known(tmp_path))
        governed(world)
        show(view, world)
        until(lambda: len(inbox.taken) >= 3)
    for _, body in inbox.seen:
        assert "\u202e" not in json.loads(body)["text"]["en"]


def refused(file: Path, allow: tuple[str, ...] = ()) -> FedledgerError:
    with pytest.raises(UsageError) as caught:
        Hook.read(file, allow)
    assert caught.value.message
    return caught.value


def spoiled(folder: Path) -> Iterator[tuple[str, Callable[[], FedledgerError]]]:
    good = "https://hooks.example/x"
    yield "second line", lambda: refused(_written(folder, good))
    yield "in base64", lambda: refused(_written(folder, f"{good}\n{'ab' * 32}"))
    yield "in base64", lambda: refused(_written(folder, f"{good}\nwhsec_{base64.b64encode(b'short').decode()}"))
    yield "not an http or https URL", lambda: refused(_written(folder, f"ftp://hooks.example\n{LINE}"))
    yield "too large", lambda: refused(_written(folder, f"{good}\n{LINE}\n" + "x" * 5000))
    yield "not a network", lambda: refused(_written(folder, f"{good}\n{LINE}"), ("127.0.0.1/8",))
    yield "others can read", lambda: refused(_written(folder, f"{good}\n{LINE}", mode=0o644))


def _written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "bad.txt"
    file.unlink(missing_ok=True)
    file.write_text(text)
    file.chmod(mode)
    return file


def test_a_file_that_is_not_a_webhook_s_is_refused_by_name(tmp_path: Path) -> None:
    for words, read in spoiled(tmp_path):
        error = read()
        assert words in error.message, error.message
        assert base64.b64encode(KEY).decode() not in str(error.facts)
    link = tmp_path / "link.txt"
    link.symlink_to(hook_file(tmp_path, "https://hooks.example/"))
    assert "not a file of text" in refused(link).message
    with pytest.raises(Unavailable):
        Hook.read(tmp_path / "nowhere.txt")


def test_neither_address_nor_key_shows_in_what_is_printed(tmp_path: Path) -> None:
    hook = Hook.read(hook_file(tmp_path, "https://hooks.example/services/T0/secret-part?token=abc"))
    assert "secret-part" not in repr(hook) and "abc" not in repr(hook) and str(KEY) not in repr(hook)


def test_before_the_first_reading_nothing_is_begun(tmp_path: Path) -> None:
    view = View(network(), Latest(), view_of(World().open_job()).content, rate=0)
    with sender(view, tmp_path, "http://127.0.0.1:1/"):
        time.sleep(0.3)
    assert not known(tmp_path)
