"""Reading each holder's copy of each file."""

from collections.abc import Callable, Collection, Iterable, Mapping

from ledger.audit.copies import CopiesFound, StateFile
from ledger.audit.found import Found
from ledger.audit.report import Check, Open
from ledger.config import Home
from ledger.errors import Corrupt, FedledgerError, Unavailable
from ledger.formats.cid import Cid
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.party.copying import streams_of
from ledger.rounds.server_state import layout_of
from ledger.store import BlockSource, Unreachable
from ledger.store.holders import Holders


def read_every_copy(
    connection: Connection, found: Found, files: Collection[Cid], progress: Callable[[int], None]
) -> CopiesFound:
    """COPIES: each holder's copy of each file, whole, and how many there are besides the own one. A holder is at fault
    for a damaged copy, not for none; what one holds that cannot be reached is open. The own gateway holds no other
    copies than the own store, and neither do two of one address.
    """
    local, files, there = connection.holders.local, list(files), CopiesFound()
    others = list(connection.elsewhere(_own_key(connection)).values())
    found.verify(Check.COPIES, 0)
    for holder in [*([local] if local else []), *others]:
        if files and (why := _silent(holder, files[0])):
            what = f"the copies that {holder.name} holds"
            found.open.append(Open(check=Check.COPIES, what=what, why=f"it did not answer: {why}", holder=holder.name))
            continue
        there.answering += holder is not local
        rest = tuple(other for other in others if other is not holder)
        for cid in files:
            try:
                for piece in Holders(None, (holder,)).read(cid):
                    progress(len(piece))
            except Corrupt:
                there.files[cid] += holder is not local
                _locate(connection, Holders(None, (holder, *rest)), cid)
            except Unavailable:
                continue
            except FedledgerError as error:
                why = f"it does not follow the UnixFS profile: {error}"
                found.open.append(Open(check=Check.COPIES, what="a file", why=why, cid=str(cid)))
            else:
                found.verify(Check.COPIES)
                there.files[cid] += holder is not local
    return there


def state_files(
    connection: Connection, documents: Mapping[int, Job], rounds: Iterable[tuple[int, int]]
) -> dict[Cid, StateFile]:
    """The streams of state that finalised rounds carry, as far as their carried files can be read."""
    found: dict[Cid, StateFile] = {}
    for number, round_number in rounds:
        final = connection.history.jobs[number].rounds[round_number].final if number in documents else None
        for stream in streams_of(connection, final.carried) if final else ():
            size = layout_of(documents[number].layout, stream.name).size
            found.setdefault(stream.file(size), StateFile(number, round_number, stream.name))
    return found


def _own_key(connection: Connection) -> str:
    """The address of the home's key; empty for a visitor, and where the key file does not say."""
    from ledger.keys import address_of

    try:
        return address_of(Home(connection.folder).keystore) if connection.store else ""
    except (OSError, FedledgerError):
        return ""


def _silent(holder: BlockSource, cid: Cid) -> str:
    """Why a holder says nothing at all; empty where it answers, whatever it says."""
    try:
        holder.get(cid)
    except Unreachable as error:
        return error.message
    except FedledgerError:
        pass
    return ""


def _locate(connection: Connection, holders: Holders, cid: Cid) -> None:
    """Read a file whose first holder's copy is damaged from the others too, so that the damage can be placed."""
    try:
        for _ in holders.read(cid):
            pass
    except Unavailable:
        pass
    known = {(copy.holder, copy.block) for copy in connection.bad_copies}
    connection.bad_copies.extend(c for c in holders.bad_copies if (c.holder, c.block) not in known)
