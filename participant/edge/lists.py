"""Member lists of edges: published by their edge, read from any holder, checked against their digests."""

from collections.abc import Sequence
from pathlib import Path

from ledger.config import Home
from ledger.errors import UsageError
from ledger.files.foreign import read_foreign
from ledger.formats.digest import read_address
from ledger.formats.edges.members import MAX_SIZE, EdgeMembers, parse
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.pins import members_pin
from ledger.rounds.edges.lists import Rosters
from ledger.store import disk
from ledger.store.home import open_store
from participant.edge.collected import EdgeFolder


class MemberLists:
    """Whose updates may be in an edge's sums, by job; what was read once is not read again."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._known = connection, dict[bytes, Rosters]()

    def of(self, job: Job) -> Rosters:
        """The lists of a job."""
        return self._known.setdefault(job.digest, Rosters(job.hierarchy, self._connection.fetch))


def publish(home: Home, addresses: Sequence[str], source: Path | None) -> EdgeMembers:
    """Put the list of these addresses into the home's store, and keep it in the edge's folder. Raises Malformed for
    what is not an address, UsageError for a home that is not an edge's.
    """
    named = [read_address(one, "a client's key") for one in (*addresses, *_lines(source))]
    made, folder = EdgeMembers.of(sorted(set(named))), _folder(home)
    store = open_store(home)
    try:
        store.put([made.encode()], members_pin(made.digest), expected=made.cid)
    finally:
        store.close()
    disk.write_private(folder.members, [made.encode()])
    return made


def published(home: Home) -> EdgeMembers:
    """The list that was published last. Raises UsageError where there is none."""
    path = _folder(home).members
    if not path.exists():
        raise UsageError(
            "this edge has published no list of clients",
            advice=home.command("edge", "members", "ADDRESS", "..."),
            home=str(home.folder),
        )
    return parse(read_foreign(path, "the edge's list", MAX_SIZE))


def _folder(home: Home) -> EdgeFolder:
    folder = EdgeFolder(home.folder)
    if not folder.exists:
        raise UsageError("this home is not an edge's", advice=home.command("edge", "init"), home=str(home.folder))
    return folder


def _lines(source: Path | None) -> list[str]:
    """The addresses of a file, one a line; empty lines and those that begin with # count for nothing."""
    if source is None:
        return []
    text = read_foreign(source, "the file of addresses", MAX_SIZE).decode("ascii", errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
