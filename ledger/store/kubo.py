"""A Kubo daemon as the store, over its RPC, through ipfshttpclient (ledger/store/kubo_client.py).

The blocks are made here and sent as one CAR, so the CIDs are the profile's whatever the daemon's own settings are, and
the root it answers is compared byte for byte. What comes back is checked like every other copy; a daemon that
lacks a block says so at once, since every request is made offline.

Kubo keeps one name per CID, and pinning a CID under a second name takes the first one away. So a pin here is a label: a
directory node that links to the file under the pin's name, which is one CID per name and file. The label is what Kubo
pins, recursively; its pin's name is `fedledger:NUMBER:CID:NAME`, and the highest number of a name holds.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats import unixfs
from ledger.formats.cid import DAG_PB, Cid
from ledger.formats.digest import sha256
from ledger.http.outgoing import OPEN, Outgoing
from ledger.store import Buffer, Store, Unreachable, car, check_file, check_pin, packs
from ledger.store.files import walk
from ledger.store.kubo_client import DEFAULT_ADDRESS, PIECE, KuboClient

_PREFIX = "fedledger"


class Kubo(Store):
    """The daemon whose RPC listens at a multiaddr. Raises UsageError for what is not an address.

    Nothing is requested before the first use. `timeout` is the seconds that the daemon may stay silent.
    """

    def __init__(
        self, address: str = DEFAULT_ADDRESS, *, name: str = "", timeout: float = 30.0, outgoing: Outgoing = OPEN
    ) -> None:
        self._client = KuboClient(name, address, timeout, outgoing)
        self.name = self._client.name

    def put(self, pieces: Iterable[Buffer], pin: str, *, replace: bool = False, expected: Cid | None = None) -> Cid:
        """As `Store.put`. With `replace` raises Unavailable: a daemon does not write a block that it lists."""
        check_pin(pin)
        if replace:
            raise Unavailable(
                f"{self.name} does not overwrite blocks that it lists",
                advice="on its host run `ipfs repo verify --drop`, then add the file again",
            )
        with _spool() as pack:
            root = packs.fill(pack, pieces)
            check_file(root, expected)
            self._send(pack, root, pin)
        return root

    def import_car(self, source: BinaryIO, pin: str) -> Cid:
        check_pin(pin)
        with _spool() as pack:
            root = packs.take(pack, source)
            self._send(pack, root, pin)
        return root

    def export_car(self, cid: Cid, out: BinaryIO) -> None:
        for piece in car.write(self, cid):
            out.write(piece)

    def copy(self, cid: Cid) -> Buffer:
        return self._client.block(cid)

    def has(self, cid: Cid) -> bool:
        try:
            self._client.documents("block/stat", cid)
        except Unreachable:
            raise
        except Unavailable:
            return False
        return True

    def pin(self, name: str, cid: Cid) -> None:
        check_pin(name)
        for part, node in walk(lambda part: self.get(part.cid), cid):
            if node is None and not self.has(part.cid):
                raise Unavailable(f"cannot pin {cid}: a block is missing", holder=self.name, block=part.cid)
        label, block = _label(name, cid)
        self._import(label, [car.header(label), car.frame(label, len(block)), block], blocks=1)
        self._name(name, cid, label)

    def unpin(self, name: str) -> None:
        held = [label for label, (_, _, known) in self._labels().items() if known == name]
        if not held:
            raise UsageError(f"no pin is called {name!r}", advice="list the pins")
        for label in held:
            self._client.documents("pin/rm", label)

    def pins(self) -> dict[str, Cid]:
        ordered = sorted(self._labels().values(), key=lambda pin: pin[0])
        return {name: cid for _, cid, name in ordered}

    def close(self) -> None:
        self._client.close()

    def _send(self, pack: packs.PackWriter, root: Cid, pin: str) -> None:
        """Hand a pack's blocks and the pin's label to the daemon in one CAR, whose root is the label."""
        label, block = _label(pin, root)
        pack.seal(root)
        head = [car.header(label), car.frame(label, len(block)), block]
        body = (piece for part in (head, pack.sections(PIECE)) for piece in part)
        self._import(label, body, blocks=1 + len(pack.rows))
        self._name(pin, root, label)

    def _import(self, root: Cid, car_pieces: Iterable[Buffer], *, blocks: int) -> None:
        """Send a CAR. Raises Unavailable where the daemon did not take all of it: it may say so nowhere else."""
        options = {"pin-roots": "true", "stats": "true", "allow-big-block": "false"}
        answers = self._client.documents("dag/import", options=options, file=car_pieces)
        roots = [answer["Root"] for answer in answers if "Root" in answer]
        taken = [answer["Stats"].get("BlockCount") for answer in answers if "Stats" in answer]
        confirmed = [found.get("Cid", {}).get("/") for found in roots]
        if confirmed != [str(root)] or roots[0].get("PinErrorMsg") or taken != [blocks]:
            raise Unavailable(
                f"{self.name} did not take a CAR whole", expected=f"{root}, {blocks} blocks", actual=answers
            )

    def _name(self, name: str, cid: Cid, label: Cid) -> None:
        """Name the label's pin, above every older pin of that name, and let those go."""
        labels = self._labels()
        number = 1 + max((known[0] for known in labels.values()), default=0)
        self._client.documents("pin/add", label, {"name": f"{_PREFIX}:{number}:{cid}:{name}"})
        for old, (_, _, known) in labels.items():
            if known == name and old != label:
                self._client.documents("pin/rm", old)

    def _labels(self) -> dict[Cid, tuple[int, Cid, str]]:
        """Every label that is pinned under a name of ours: its number, the file, and the pin's name."""
        answer = self._client.documents("pin/ls", options={"names": "true", "type": "recursive"})
        found: dict[Cid, tuple[int, Cid, str]] = {}
        for text, entry in (answer[0].get("Keys") or {}).items():
            prefix, _, rest = str(entry.get("Name", "")).partition(":")
            number, _, rest = rest.partition(":")
            cid, _, name = rest.partition(":")
            if prefix == _PREFIX:
                try:
                    found[Cid.parse(text)] = (int(number), Cid.parse(cid), name)
                except (Malformed, ValueError):
                    continue
        return found


@contextmanager
def _spool() -> Iterator[packs.PackWriter]:
    """Room for a file's blocks until they are sent: a CAR begins with the root, which is known last."""
    with tempfile.TemporaryDirectory(prefix="fedledger-") as folder, packs.writing(Path(folder)) as pack:
        yield pack


def _label(name: str, cid: Cid) -> tuple[Cid, bytes]:
    """The directory node that links to a file under a name."""
    text = name.encode()
    link = b"\x0a\x24" + bytes(cid) + b"\x12" + unixfs.varint(len(text)) + text + b"\x18\x00"
    block = b"\x12" + unixfs.varint(len(link)) + link + b"\x0a\x02\x08\x01"
    return Cid(DAG_PB, sha256(block)), block
