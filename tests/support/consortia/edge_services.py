"""Edges in tests: members whose services run in this process, on real sockets, and clients with keys of their own."""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from support import warm
from support.consortia.synthetic import Party, Trial
from support.consortia.trainers import train_on, write_data

from ledger.config import Home
from ledger.formats.digest import sha256
from ledger.formats.edges.members import EdgeMembers
from ledger.http.listening import listen, url_of
from ledger.jobs.hierarchy import Hierarchy
from ledger.keys import Signer, create, unlock
from ledger.party.connection import Connection
from ledger.party.journal import Journal
from ledger.party.pins import members_pin
from participant.edge.client.checks import Verified
from participant.edge.client.follow import ClientGoal, EdgeClient
from participant.edge.client.home import ClientHome
from participant.edge.client.road import EdgeRoad
from participant.edge.client.training import ClientTraining, MadeUpdate, kept_and_signed
from participant.edge.collected import EdgeFolder
from participant.edge.desk import EdgeDesk
from participant.edge.documents import SignedUpdate
from participant.edge.serving import LOG, watched, web_server
from participant.edge.watch import EdgeWatch

PASSPHRASE = "correct horse"
FAST = 0.1
"""Seconds between two looks."""


ONE = ClientGoal(rounds=1)


@dataclass
class Client:
    """A client's home, its key, its data, and what it was told."""

    home: Home
    signer: Signer
    data: Path
    said: list[tuple[str, str]] = field(default_factory=list)

    def follow(self, url: str, stack: ExitStack, goal: ClientGoal = ONE, **options: Any) -> EdgeClient:
        """What `fedledger edge client run` does, ready to be run."""
        trainers = stack.enter_context(warm.trainers(self.home.folder))
        training = options.pop("training", None)
        kept = ClientHome(self.home)
        training = training or ClientTraining(kept, self.signer, trainers, self.data)
        road = EdgeRoad(url)
        stack.callback(road.close)
        return EdgeClient(kept, self.signer.address, road, training, self.say, goal=goal, poll=FAST, **options)

    def say(self, action: str, text: str, *_: Any, **__: Any) -> None:
        self.said.append((action, text))


def clients(folder: Path, count: int, first: int = 200) -> list[Client]:
    """So many clients with data of their own."""
    made = []
    for number in range(count):
        home = Home(folder / f"client{number}")
        create(home.keystore, PASSPHRASE, light=True)
        data = write_data(home.folder / "data.csv", first + number)
        made.append(Client(home, unlock(home.keystore, PASSPHRASE), data))
    return made


def edges_of(
    trial: Trial, keys: Mapping[int, Sequence[str]], *, least: int = 2, check: str = "children", rounds: int = 1
) -> Trial:
    """Give a trial that is not proposed a job that is trained, with these members as edges of clients with these keys,
    and propose it.
    """
    train_on(trial, propose=False, heaviest=10_000, rounds=rounds)
    named = {}
    for index, addresses in keys.items():
        listed, party = EdgeMembers.of(list(addresses)), trial.parties[index]
        EdgeFolder(party.member.home.folder).make()
        party.connection.put([listed.encode()], members_pin(listed.digest), expected=listed.cid)
        named[str(index)] = listed.digest.hex()
    hierarchy = Hierarchy(edges=named, min_children=least, max_children=64, check=check)  # type: ignore[arg-type]
    trial.job = msgspec.structs.replace(trial.job, hierarchy=hierarchy)
    trial.parties[0].connection.put([trial.job.encode()], "job")
    trial.propose()
    return trial


class Sketch:
    """In the place of training: a small random update, the same every time, kept and signed as a trained one is."""

    def __init__(self, home: ClientHome, signer: Signer) -> None:
        self._home, self._signer = home, signer

    def update(self, of: Verified, seconds: float) -> SignedUpdate:
        """See `participant.edge.client.follow.Trains`."""
        key = self._signer.address
        random = np.random.default_rng([int(key[2:], 16) % (1 << 32), of.task.round])
        values = random.integers(-(1 << 16), 1 << 16, of.job.layout.values).astype(np.int32)
        made = MadeUpdate(values, 10, tuple(sha256(f"{key} {row}".encode()) for row in range(20)))
        return kept_and_signed(self._home, self._signer, of, made)


@dataclass
class Service:
    """An edge's service that runs: its address, its desk, and its look at the ledger."""

    url: str
    desk: EdgeDesk
    watch: EdgeWatch

    def until(self, what: Any, seconds: float = 150.0) -> None:
        """Wait until `what(desk)` is true."""
        end = time.monotonic() + seconds
        while not what(self.desk):
            assert time.monotonic() < end, "it does not happen"
            time.sleep(0.02)


@contextmanager
def serving(party: Party, **options: Any) -> Iterator[Service]:
    """A party's edge, served as `fedledger edge run` does."""
    home = party.member.home
    folder, journal = EdgeFolder(home.folder), Journal(home.folder / LOG, lambda _line: None)
    with Connection.open(home) as connection, listen("127.0.0.1", 0) as listening:
        desk = EdgeDesk(folder, party.member.signer, journal, options.pop("uploads", 8))
        watch = EdgeWatch(connection, party.sender.address, desk, journal, FAST)
        with watched(watch):
            server = web_server(desk, connection, options.pop("rate", 0.0))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
            thread.start()
            end = time.monotonic() + 60
            while not server.started:
                assert time.monotonic() < end, "the server does not come up"
                time.sleep(0.01)
            try:
                yield Service(url_of(listening), desk, watch)
            finally:
                server.should_exit = True
                thread.join(60)
                assert not thread.is_alive(), "the server does not stop"
