"""Pages of a world in memory with a holder that has its files: what is served of it, a test decides by its releases."""

from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from msgspec.structs import replace
from support.content.holders import Memory
from support.web.server import network, view_of
from support.worlds.world import World

from ledger.config import Contract, Network
from ledger.events.proposals import Release
from ledger.releases.file import ModelFile
from web.reading.library import Library
from web.reading.snapshot import freeze
from web.view import View

BOARD = "0x" + "33" * 20


class Answer(NamedTuple):
    """A server's response."""

    status: int
    headers: dict[str, str]
    body: bytes


def known(world: World) -> Network:
    """The network file of a world."""
    plain = network()
    ledger = Contract(address=world.place.contract, code_hash="0x" + "00" * 32)
    return replace(plain, contracts=replace(plain.contracts, ledger=ledger))


def holder_of(world: World) -> Memory:
    """A holder of all files of a world."""
    holder = Memory("the holder")
    for data in world.files.files.values():
        holder.add(data)
    return holder


def shop(world: World, holder: Memory | None = None, **settings: Any) -> View:
    """A view that shows a world, as it is now, and has its files."""
    public = settings.pop("public", False)
    view = view_of(world, known=known(world), **settings)
    store: Any = holder or holder_of(world)
    return View(view.network, view.latest, Library(view.latest, view.network, store, public=public), rate=0)


def read_again(view: View, world: World) -> None:
    """The next reading of the ledger."""
    view.latest.post(snapshot=freeze(world.history, len(world.events)))


def file_of(world: World, release: Release) -> ModelFile:
    """The file of a release."""
    return ModelFile(world.place, BOARD, release, world.state, world.job)


def bytes_of(world: World, release: Release) -> bytes:
    """What the file of a release must be."""
    return b"".join(file_of(world, release).pieces(world.files.fetch))


def address(release: Release, name: str = "model.safetensors") -> str:
    return f"/releases/{release.name}/{release.version}/{name}"


def ask(url: str, target: str, method: str = "GET", **headers: str) -> Answer:
    """Ask for exactly this target: nothing in it is put in order first."""
    place = urlsplit(url)
    connection = HTTPConnection(place.hostname or "", place.port, timeout=60)
    try:
        connection.request(method, target, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()
