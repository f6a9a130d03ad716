"""A member whose gateway is slow, on a real chain: it holds up its own update, in bounded time, and nothing else."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from support.consortia.aggregators import actions, drive, service
from support.consortia.synthetic import SECONDS, Trial, artifact
from support.content.holders import Server

from ledger.formats.artifact import Tensor
from ledger.history.state import Phase
from ledger.jobs.document import Admission
from ledger.party.sharing.haves import Haves
from ledger.rounds.admission import Verdict
from ledger.rounds.receipts import bitmap_of, spreading
from ledger.store.remote import Remote

BLOCKS = 9
"""Of the update: one that names eight others of 1 MiB."""
SLOW = 0.75
"""Seconds before each block: well above the floor, and seven seconds for the update."""
BIG = [Tensor("big", (2_097_152,))]
ROOMY = Admission(min_updates=2, max_weight=1000, max_value=1 << 20, max_norm=1 << 30)
GIVE_UP = SECONDS // 4
"""Seconds before the end of the opener's turn after which no more is copied for it."""


class Slow:
    """The last member's gateway: it notes what it is asked for; once it holds, it stands still behind the first."""

    def __init__(self, url: str) -> None:
        self._url, self._go = urlsplit(url), threading.Event()
        self._go.set()
        self.asked: list[str] = []

    def hold(self) -> None:
        self._go.clear()

    def go_on(self) -> None:
        self._go.set()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(handler.path)
        time.sleep(SLOW)
        if len(self.asked) > 1:
            self._go.wait(200)
        with closing(HTTPConnection(str(self._url.hostname), self._url.port, timeout=60)) as connection:
            connection.request("GET", handler.path)
            response = connection.getresponse()
            body = response.read()
        try:
            handler.send_response(response.status)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
        except OSError:
            handler.close_connection = True


@pytest.fixture
def held(trial: Callable[..., Trial], monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Trial, Slow]]:
    """Four members with updates of 8 MiB, three of them committed to; the last one's gateway is slow."""
    t = trial(rounds=1, tensors=BIG, limits=ROOMY)
    drive(service(t.parties[0]))
    for party in t.parties[:3]:
        party.submit(np.full(t.layout.values, party.index, "<i4"))
    monkeypatch.setattr("ledger.store.remote.Remote", partial(Remote, timeout=600))
    gateway = Slow(t.parties[3].serving.url)
    with Server(gateway) as server:
        t.parties[3].sender.send("consortium", "announce", server.url)
        yield t, gateway
        gateway.go_on()


@pytest.fixture
def ready(held: tuple[Trial, Slow]) -> Trial:
    return held[0]


@pytest.fixture
def slow(held: tuple[Trial, Slow]) -> Slow:
    return held[1]


def submit_slowly(t: Trial, *certified: int) -> bytes:
    """The last member's update; its bytes. All updates are open, and those of `certified` signed for by everyone."""
    party, values = t.parties[3], np.full(t.layout.values, 3, "<i4")
    data = artifact(t.layout, party.binding(), values)
    party.submit(values, data=data)
    t.open_updates()
    for one in t.parties:
        one.connection.refresh()
    sign(t, *certified)
    return data


def sign(t: Trial, *held: int) -> None:
    """Everyone signs for the updates of these members, as of now; the first member knows of it."""
    first = t.parties[0]
    said = [one.have(bitmap_of(held)) for one in t.parties]
    Haves(first.member.home.haves).take(first.facts.roll, said)


def blocks_asked(t: Trial, slow: Slow) -> int:
    """How many blocks of the update the slow holder was asked for: it is asked for signatures and the job, too."""
    return sum(path.startswith("/ipfs/") and str(t.job.cid) not in path for path in slow.asked)


def verdicts(t: Trial) -> list[str]:
    return [Verdict(byte).name for byte in t.round.aggregates[-1].verdicts]


def test_a_slow_holder_does_not_block_the_aggregators_other_work(ready: Trial, slow: Slow) -> None:
    """It stands still until the other work is done."""
    slow.hold()
    a, first, home = service(ready.parties[0]), ready.number, ready.parties[0].member.home
    drive(a)
    submit_slowly(ready, 0, 1, 2, 3)
    while not any("copies the update of member 3 for round 1" in note["text"] for note in actions(home, "waiting")):
        a.look()  # until it has the others, which are there at once on a quiet machine
    assert ready.round.phase is Phase.AGGREGATING
    other = ready.propose()
    a.look()
    assert ready.parties[0].connection.refresh().jobs[other].current is not None, "a round of another job is opened"
    ready.number = first
    assert ready.round.phase is Phase.AGGREGATING
    assert min(a.due_in()) < 1, "and it looks again soon"
    slow.go_on()
    drive(a, looks=60)
    assert verdicts(ready) == ["ADMITTED"] * 4


def test_a_faster_holder_is_asked_where_there_is_one(ready: Trial, slow: Slow) -> None:
    a = service(ready.parties[0])
    drive(a)
    data = submit_slowly(ready, 0, 1, 2, 3)
    ready.parties[2].connection.put([data], "copy")
    drive(a)
    assert blocks_asked(ready, slow) < BLOCKS - 1, "a block or two from the slow one, not nine"
    assert verdicts(ready) == ["ADMITTED"] * 4


def test_an_update_that_only_a_slow_holder_has_is_reported_missing_in_time(ready: Trial, slow: Slow) -> None:
    """Nobody could sign for it, so it is left out."""
    a, home = service(ready.parties[0]), ready.parties[0].member.home
    drive(a)
    submit_slowly(ready, 0, 1, 2)
    for entry in ready.parties[0].facts.entries[:3]:
        ready.parties[0].connection.keep(entry.cid, "copy")
    ready.until(ready.round.deadline - SECONDS - GIVE_UP - 4)
    drive(a)
    assert blocks_asked(ready, slow) < BLOCKS, "four seconds were left, not seven"
    assert verdicts(ready) == ["ADMITTED"] * 3 + ["UNAVAILABLE"]
    ready.attest(1, 2)
    assert ready.round.phase is Phase.FINALISED
    assert not actions(home, "failed")


@pytest.mark.parametrize("younger", [0, 30])
def test_what_is_certified_meanwhile_is_counted_once_members_could_oppose(
    ready: Trial, monkeypatch: pytest.MonkeyPatch, younger: int
) -> None:
    """While it is younger, nobody may oppose by it, and the aggregate goes out as it is."""
    first = ready.parties[0]
    a = service(first)
    drive(a)
    submit_slowly(ready, 0, 1, 2)
    for entry in first.facts.entries:
        first.connection.keep(entry.cid, "copy")
    ready.until(ready.round.deadline - SECONDS - GIVE_UP - 4)
    worker, recompute = a._worker, type(a._worker)._recompute
    made: list[int] = []

    def meanwhile(self: Any, *arguments: Any) -> Any:
        outcome = recompute(self, *arguments)
        made.append(1)
        if len(made) == 1:
            sign(ready, *range(4))
            signed = first.connection.client.latest().time
            ready.until(signed + spreading(SECONDS) - younger)
        return outcome

    monkeypatch.setattr(type(worker), "_recompute", meanwhile)
    drive(a)
    assert verdicts(ready) == ["ADMITTED"] * 3 + ["UNAVAILABLE" if younger else "ADMITTED"]
    assert len(made) == (1 if younger else 2)


def test_a_certificate_that_comes_late_takes_no_turn(ready: Trial, slow: Slow) -> None:
    """Everyone signs for the slow update when there is little time left for its bytes: it is left out."""
    slow.hold()
    a = service(ready.parties[0])
    drive(a)
    submit_slowly(ready, 0, 1, 2)
    for entry in ready.parties[0].facts.entries[:3]:
        ready.parties[0].connection.keep(entry.cid, "copy")
    ready.until(ready.round.deadline - SECONDS - GIVE_UP)
    sign(ready, *range(4))
    while not ready.round.aggregates:
        a.look()
    slow.go_on()
    assert verdicts(ready) == ["ADMITTED"] * 3 + ["UNAVAILABLE"]
    ready.attest(1, 2)
    assert ready.round.phase is Phase.FINALISED
    assert not actions(ready.parties[0].member.home, "failed", "overtaken")


def test_a_holder_that_stalls_at_a_jobs_document_holds_up_no_other_job(trial: Callable[..., Trial]) -> None:
    """It takes the connection and says nothing, and nobody else has the document."""
    t, end = trial(rounds=1), threading.Event()
    first = t.number

    def said(job: int) -> list[str]:
        return [note["text"] for note in actions(t.parties[0].member.home, "waiting") if note["job"] == job]

    def stall(handler: BaseHTTPRequestHandler) -> None:
        end.wait(200)
        handler.close_connection = True

    with Server(stall) as silent:
        t.parties[3].sender.send("consortium", "announce", silent.url)
        stalled = t.propose(b"\x22" * 32)
        one, party = service(t.parties[0]), t.parties[0]

        def look() -> None:
            while party.connection.refresh().jobs[first].current is None or not said(stalled):
                one.look()

        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        looking.join(200)
        done = not looking.is_alive()
        busy = t.parties[0].connection.documents.busy
        end.set()
        looking.join(60)
    assert done
    assert busy
    jobs = t.parties[0].connection.refresh().jobs
    assert jobs[first].current is not None, "a round of the other job was opened"
    assert jobs[stalled].current is None
    assert said(stalled) == [f"job {stalled}: the document of job {stalled} is on its way"]
