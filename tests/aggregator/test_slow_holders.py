"""A member whose gateway is slow, on a real chain: it holds up its own update, in bounded time, and nothing else."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
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
from ledger.party.copies import PROMPT
from ledger.party.sharing.haves import Haves
from ledger.rounds.admission import Verdict
from ledger.rounds.receipts import bitmap_of, spreading

SLOW = 1.5
"""Seconds before each block: at 1 MiB a block well above the floor, and 13 seconds for the update."""
BIG = [Tensor("big", (2_097_152,))]
ROOMY = Admission(min_updates=2, max_weight=1000, max_value=1 << 20, max_norm=1 << 30)
GIVE_UP = SECONDS // 4
"""Seconds before the end of the opener's turn after which no more is copied for it."""
LOOK = PROMPT + 4
"""Seconds that a look may take on a busy machine; the update alone takes three times as long."""


@pytest.fixture
def ready(trial: Callable[..., Trial]) -> Iterator[Trial]:
    """Four members with updates of 8 MiB, three of them committed to; the last one's gateway is slow."""
    t = trial(rounds=1, tensors=BIG, limits=ROOMY)
    drive(service(t.parties[0]))
    for party in t.parties[:3]:
        party.submit(np.full(t.layout.values, party.index, "<i4"))
    url = urlsplit(t.parties[3].serving.url)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(SLOW)
        with closing(HTTPConnection(str(url.hostname), url.port, timeout=10)) as connection:
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

    with Server(answer) as slow:
        t.parties[3].sender.send("consortium", "announce", slow.url)
        yield t


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


def timed(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def verdicts(t: Trial) -> list[str]:
    return [Verdict(byte).name for byte in t.round.aggregates[-1].verdicts]


def test_a_slow_holder_does_not_block_the_aggregators_other_work(ready: Trial) -> None:
    a, first = service(ready.parties[0]), ready.number
    drive(a)
    submit_slowly(ready, 0, 1, 2, 3)
    assert timed(a.look) < LOOK
    assert ready.round.phase is Phase.AGGREGATING
    other = ready.propose()
    assert timed(a.look) < LOOK
    assert ready.parties[0].connection.refresh().jobs[other].current is not None, "a round of another job is opened"
    ready.number = first
    assert ready.round.phase is Phase.AGGREGATING
    (waited,) = [note for note in actions(ready.parties[0].member.home, "waiting") if "copies" in note["text"]]
    assert "the update of member 3 for round 1" in waited["text"]
    assert min(a.due_in()) < 1, "and it looks again soon"
    drive(a, looks=60)
    assert verdicts(ready) == ["ADMITTED"] * 4


def test_a_faster_holder_is_asked_where_there_is_one(ready: Trial) -> None:
    a = service(ready.parties[0])
    drive(a)
    data = submit_slowly(ready, 0, 1, 2, 3)
    ready.parties[2].connection.put([data], "copy")
    assert timed(lambda: drive(a)) < 6 * SLOW, "a block or two from the slow one, not nine"
    assert verdicts(ready) == ["ADMITTED"] * 4


def test_an_update_that_only_a_slow_holder_has_is_reported_missing_in_time(ready: Trial) -> None:
    """Nobody could sign for it, so it is left out."""
    a, home = service(ready.parties[0]), ready.parties[0].member.home
    drive(a)
    submit_slowly(ready, 0, 1, 2)
    ready.until(ready.round.deadline - SECONDS - GIVE_UP - 4)
    assert timed(lambda: drive(a)) < 6 * SLOW, "four seconds were left, not thirteen"
    assert verdicts(ready) == ["ADMITTED"] * 3 + ["UNAVAILABLE"]
    ready.attest(1, 2)
    assert ready.round.phase is Phase.FINALISED
    assert not actions(home, "failed")


@pytest.mark.parametrize("younger", [0, 20])
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


def test_a_certificate_that_comes_late_takes_no_turn(ready: Trial) -> None:
    """Everyone signs for the slow update when there is little time left for its bytes: it is left out."""
    a = service(ready.parties[0])
    drive(a)
    submit_slowly(ready, 0, 1, 2)
    for entry in ready.parties[0].facts.entries[:3]:
        ready.parties[0].connection.keep(entry.cid, "copy")
    ready.until(ready.round.deadline - SECONDS - GIVE_UP)
    sign(ready, *range(4))
    drive(a)
    assert verdicts(ready) == ["ADMITTED"] * 3 + ["UNAVAILABLE"]
    ready.attest(1, 2)
    assert ready.round.phase is Phase.FINALISED
    assert not actions(ready.parties[0].member.home, "failed", "overtaken")


def test_a_holder_that_stalls_at_a_jobs_document_holds_up_no_other_job(trial: Callable[..., Trial]) -> None:
    """It takes the connection and says nothing, and nobody else has the document."""
    t, end = trial(rounds=1), threading.Event()
    first = t.number

    def stall(handler: BaseHTTPRequestHandler) -> None:
        end.wait(60)
        handler.close_connection = True

    with Server(stall) as silent:
        t.parties[3].sender.send("consortium", "announce", silent.url)
        stalled = t.propose(b"\x22" * 32)
        one = service(t.parties[0])
        looking = threading.Thread(target=lambda: [one.look() for _ in range(3)], daemon=True)
        looking.start()
        looking.join(30)
        done = not looking.is_alive()
        busy = t.parties[0].connection.documents.busy
        end.set()
        looking.join(60)
    assert done
    assert busy
    jobs = t.parties[0].connection.refresh().jobs
    assert jobs[first].current is not None, "a round of the other job was opened"
    assert jobs[stalled].current is None
    (note,) = [one for one in actions(t.parties[0].member.home, "waiting") if one["job"] == stalled]
    assert note["text"] == f"job {stalled}: the document of job {stalled} is on its way"
