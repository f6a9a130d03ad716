"""An edge's desk over a world in memory, and the service on a real socket."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from support.worlds.edges import EdgesWorld
from support.worlds.signing import sign_digest

from ledger.formats.edges.children import ChildRecord
from ledger.formats.typed import typed_digest
from ledger.http.listening import listen, url_of
from ledger.party.journal import Journal
from ledger.store import disk
from participant.edge.collected import EdgeFolder
from participant.edge.collecting import Collecting, collecting
from participant.edge.desk import EdgeDesk
from participant.edge.documents import EdgeTasks, SignedUpdate, parse_update
from participant.edge.serving import web_server

EDGE = 0


class EdgeSigner:
    """Signs as the edge's member does."""

    def __init__(self, address: str) -> None:
        self.address = address

    def sign_typed_data(self, domain: Any, types: Any, message: Any) -> bytes:
        digest = typed_digest(domain["chainId"], domain["verifyingContract"], types, message)
        return sign_digest(self.address, digest)

    def sign_transaction(self, transaction: Any) -> bytes:
        raise NotImplementedError

    def sign_in(self, text: str) -> bytes:
        raise NotImplementedError


class Site:
    """An edge's desk over a world in memory, which knows one round."""

    def __init__(self, folder: Path, world: EdgesWorld) -> None:
        self.world, self.folder = world, EdgeFolder(folder)
        self.folder.make()
        self.at: Collecting = collecting(
            world.place, world.state, world.job, world.round, EDGE, world.lists[EDGE].known
        )
        self.open()

    def open(self) -> None:
        """Start the service, as after a kill: from its files alone."""
        journal = Journal(self.folder.folder / "journal", lambda _line: None)
        self.desk = EdgeDesk(self.folder, EdgeSigner(self.world.keys[EDGE]), journal)
        self.know(self.at.closes)

    def know(self, now: int) -> None:
        place = self.world.place
        tasks = EdgeTasks(
            fedledger="edge-tasks/1",
            chain=place.chain,
            ledger=place.contract,
            edge=EDGE,
            key=self.world.keys[EDGE],
            complete=False,
            why="",
            tasks=(self.at.task(now),),
        )
        self.desk.know(tasks, {self.at.key: self.at}, now)

    def over(self) -> None:
        """The ledger's round and job are over."""
        said = msgspec.structs.replace(self.desk.tasks, complete=True, tasks=())
        self.desk.know(said, {}, self.at.closes + 1)

    def signed(self, child: ChildRecord, **said: Any) -> SignedUpdate:
        place, round_ = self.world.place, self.world.round
        update = child.update(1, round_.number, EDGE)
        whole = SignedUpdate.of(place.chain, place.contract, update, child.party, bytes.fromhex(child.signature))
        return SignedUpdate(**{name: getattr(whole, name) for name in whole.__struct_fields__} | said)

    def bytes_of(self, child: ChildRecord) -> bytes:
        cid = bytes.fromhex(child.cid)
        return next(data for one, data in self.world.files.files.items() if one.digest == cid)

    def send(self, child: ChildRecord, data: bytes | None = None) -> Any:
        """What the service does with a request."""
        said = parse_update(self.signed(child).encode())
        found = self.desk.find(said)
        if found is not None:
            return found
        with self.desk.place(self.desk.size(said), said.party) as draft:
            disk.write_private(draft, [self.bytes_of(child) if data is None else data])
            return self.desk.take(said, draft)

    @property
    def collected(self) -> Any:
        return self.folder.round(*self.at.key)


def site_of(folder: Path) -> Site:
    """Edge 0 of a world whose first round collects."""
    return Site(folder, EdgesWorld(terms_of_edges={"max_children": 4}).open_job().open_round())


@contextmanager
def served(site: Site, rate: float = 0.0) -> Iterator[str]:
    """The site's service, at a free port; its address."""
    with listen("127.0.0.1", 0) as listening:
        server = web_server(site.desk, site.world.files, rate)  # type: ignore[arg-type]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        end = time.monotonic() + 60
        while not server.started:
            assert time.monotonic() < end, "the server does not come up"
            time.sleep(0.01)
        try:
            yield url_of(listening)
        finally:
            server.should_exit = True
            thread.join(60)
            assert not thread.is_alive(), "the server does not stop"
