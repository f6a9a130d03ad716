"""Platform documents that updates name: listed, and where the auditor has roots of its own, looked at."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import msgspec

from ledger.audit.context import Context
from ledger.audit.report import PlatformNote
from ledger.errors import FedledgerError, Malformed
from ledger.formats.cid import RAW, Cid
from ledger.formats.digest import sha256
from ledger.history.state import Round
from ledger.platforms.documents import LARGEST, nonce_of

if TYPE_CHECKING:
    from ledger.platforms.roots import PlatformRoots

MOST = 1 << 12
"""Documents of a report, at most: those of the newest rounds."""


def note_platforms(audit: Context, round_: Round, platforms: Mapping[int, bytes]) -> None:
    """List the documents that the updates of a round name, by member index."""
    for index, digest in platforms.items():
        update = round_.updates[index]
        audit.found.platforms.append(
            PlatformNote(
                job=round_.job,
                round=round_.number,
                party=audit.name(index),
                key=update.party,
                block=round_.opened_in,
                tx=update.tx.hex(),
                sha256=digest.hex(),
            )
        )


def looked_at(audit: Context, roots: "PlatformRoots | None") -> Iterator[PlatformNote]:
    """What documents are, and what these roots say of them, as of the blocks in which their updates were opened.

    Whatever is wrong with a document is its answer. Raises UsageError without the extra `fedledger[platform]`, where it
    is needed.
    """
    from ledger.platforms.checks import look_at

    for note in audit.found.platforms[-MOST:]:
        try:
            document = _document(audit, bytes.fromhex(note.sha256))
        except FedledgerError as error:
            yield msgspec.structs.replace(note, why=f"it could not be had: {error.message}")
            continue
        nonce = nonce_of(audit.place.chain, audit.place.contract, note.job, note.round, note.key)
        shown = audit.blocks(note.block)
        found = look_at(document, roots if shown else None, shown.time if shown else 0, nonce)
        yield msgspec.structs.replace(note, **found._asdict())


def _document(audit: Context, digest: bytes) -> bytes:
    """Raises Unavailable where it cannot be had, Malformed where it is longer than one block."""
    data = b"".join(bytes(piece) for piece in audit.fetch(Cid(RAW, digest), 0, LARGEST + 1))
    if len(data) > LARGEST or sha256(data) != digest:
        raise Malformed("a platform document is not the one that its update names", expected=digest)
    return data
