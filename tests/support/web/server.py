"""The web application over a ledger in memory or a real one, served by a real server on a free port."""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TextIO

import httpx
from support.worlds.decisions import Chamber
from support.worlds.world import NAMES, World, honest_report

from ledger.config import Chain, Contract, Contracts, Founding, FoundingMember, Network
from ledger.formats.digest import checksum_address
from ledger.http.listening import listen
from ledger.index import BlockTime
from ledger.jobs.document import Job
from web.cli.serving import web_server
from web.pages import PAGES
from web.reading.events.feed import Feed
from web.reading.latest import Audited, Latest, State
from web.reading.library import Library
from web.reading.snapshot import Snapshot, ended_rounds, freeze
from web.view import View

AT = 1_800_000_000
PATIENCE = 150.0
"""Seconds after which what should happen is given up; no bound of what is tested, since the machine may be busy."""
_CONTEXT = ssl.create_default_context()
_EXAMPLES = {"job:int": 1, "round:int": 2, "index:int": 0, "number:int": 1, "name": "cardio", "version": "1.0"}


def filled(address: str) -> str:
    """An address with a number or a name for each of its gaps."""
    for gap, value in _EXAMPLES.items():
        address = address.replace("{" + gap + "}", str(value))
    return address


PATHS = [filled(page.path) for page in PAGES]
HOSTILE = (
    "<script>document.title='taken'</script>",
    '"><img src=x onerror=alert(1)>',
    "x" * 5000,
    "\u202egnp.exe \u05d0\u05d1\u05d2",
)


def governed(world: World) -> Chamber:
    """A world with two final models: the first is released as cardio 1.0, by proposal 1."""
    council = Chamber(world, AT + 3_600)
    return council.release(council.model())


def network(names: tuple[str, ...] = NAMES, title: str = "test") -> Network:
    """A network file for a ledger in memory."""
    contracts = Contracts(
        consortium=Contract(address="0x" + "11" * 20, code_hash="0x" + "00" * 32),
        ledger=Contract(address="0x" + "22" * 20, code_hash="0x" + "00" * 32),
        scores=Contract(address="0x" + "55" * 20, code_hash="0x" + "00" * 32),
        releases=Contract(address="0x" + "33" * 20, code_hash="0x" + "00" * 32),
        ballots=Contract(address="0x" + "44" * 20, code_hash="0x" + "00" * 32),
        masks=Contract(address="0x" + "66" * 20, code_hash="0x" + "00" * 32),
        budgets=Contract(address="0x" + "77" * 20, code_hash="0x" + "00" * 32),
        court=Contract(address="0x" + "88" * 20, code_hash="0x" + "00" * 32),
    )
    keys = (checksum_address((0xA0 + at).to_bytes(20, "big")) for at in range(len(names)))
    members = tuple(
        FoundingMember(name=name, key=key, roles=("participant",)) for name, key in zip(names, keys, strict=True)
    )
    chain = Chain(id=31337, rpc="http://127.0.0.1:1")
    founding = Founding(block=1, hash="0x" + "00" * 32, members=members)
    return Network(fedledger="network/1", name=title, chain=chain, founding=founding, contracts=contracts)


def view_of(
    world: World, job: Job | None = None, known: Network | None = None, *, now: int = AT, **settings: Any
) -> View:
    """A view that shows a world as it is at `now`, with an audit that held."""
    report = honest_report()
    job = job or world.job
    known = known or network()
    state = State(
        serial=1,
        snapshot=_named(snapshot_of(world), known),
        read_at=AT,
        time=now,
        documents={job.digest: job},
        audited=Audited(AT, 0.5, ended_rounds(world.history.jobs), report),
    )
    latest = Latest(state)
    return View(known, latest, Library(latest, known, public=settings.pop("public", False)), **{"rate": 0, **settings})


def snapshot_of(world: World, times: dict[int, BlockTime] | None = None) -> Snapshot:
    """What the threads make of a world: a block every 12 seconds, up to the one at AT."""
    block, feed = world.events[-1].block, Feed()
    feed.extend(world.events, block)
    steady = {event.block: BlockTime(AT - 12 * (block - event.block), True) for event in world.events}
    return freeze(world.history, len(world.events), None, steady if times is None else times, feed)


def _named(snapshot: Snapshot, known: Network) -> Snapshot:
    """Members under the names of a network file, which need not be ones that the ledger would show."""
    names = {index: one.name for index, one in enumerate(known.founding.members)}
    members = {index: replace(member, name=names.get(index, member.name)) for index, member in snapshot.members.items()}
    return replace(snapshot, members=members)


@contextmanager
def served(view: View, log: TextIO | None = None, host: str = "127.0.0.1", **settings: Any) -> Iterator[str]:
    """Serve a view with the server that `fedledger web run` starts; yields its address."""
    listening = listen(host, 0)
    server = web_server(replace(view, closing=threading.Event()), log, **settings)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    end = time.monotonic() + 60
    while not server.started:
        assert time.monotonic() < end, "the server does not come up"
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive(), "the server does not stop"


def get(url: str, **options: Any) -> httpx.Response:
    """Read as a new client, without cookies; loading the certificates each time would take most of the time."""
    return httpx.get(url, verify=_CONTEXT, timeout=60, **options)


def until(what: Any, seconds: float = PATIENCE) -> None:
    """Wait until `what()` is true."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.05)
