"""What an attesting member reads of an aggregate's receipts while it waits for other bytes."""

from collections.abc import Iterator
from types import SimpleNamespace

from ledger.errors import Unavailable
from ledger.formats.cid import Cid
from ledger.formats.digest import sha256
from participant.node.attesting import Attesting


class Home:
    """The files that can be had, of which `fetched` were read, and the error that the receipts ended in, if any."""

    def __init__(self, *files: bytes) -> None:
        self.files = {sha256(file): file for file in files}
        self.fetched: list[bytes] = []
        self.failed: Unavailable | None = None

    def fetch(self, cid: Cid, start: int, stop: int) -> Iterator[bytes]:
        self.fetched.append(cid.digest)
        yield self.files[cid.digest][start:stop]

    def receipts(self, facts: object, seconds: float) -> SimpleNamespace:
        return SimpleNamespace(copying=())

    def check_receipts(self, facts: object) -> None:
        if self.failed is not None:
            raise self.failed

    def attesting(self) -> Attesting:
        return Attesting(self, self, None, None, "", None, None)  # type: ignore[arg-type]


def naming(digest: bytes) -> SimpleNamespace:
    return SimpleNamespace(round=SimpleNamespace(aggregates=[SimpleNamespace(receipts=digest)]))


def test_a_receipts_file_is_read_once_for_an_aggregate() -> None:
    """A member that waits for updates looks a few times, and the file has an entry for each of a hundred members."""
    empty, broken = b"", b"no entries"
    home = Home(empty, broken)
    attesting = home.attesting()
    for digest in (sha256(empty), sha256(empty), sha256(broken), sha256(broken)):
        assert attesting._known(naming(digest), 1.0) == ()  # type: ignore[arg-type]
    assert home.fetched == [sha256(empty), sha256(broken)]


def test_a_receipts_file_that_was_lost_is_not_there_because_it_was_read() -> None:
    home = Home(b"")
    attesting = home.attesting()
    assert attesting._known(naming(sha256(b"")), 1.0) == ()  # type: ignore[arg-type]
    home.failed = Unavailable("no holder has it")
    assert attesting._known(naming(sha256(b"")), 1.0) is None  # type: ignore[arg-type]
