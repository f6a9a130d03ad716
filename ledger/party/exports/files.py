"""The folder of a release's exports: what is in it, and how it is made."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from ledger.errors import Unavailable, UsageError
from ledger.events.signed import SignedExportKey
from ledger.exports import envelope, p256
from ledger.exports.bill import bill
from ledger.exports.facts import RELEASED, ExportFacts
from ledger.exports.lineage import lineage
from ledger.exports.model_signing import manifest
from ledger.exports.training import training_statement
from ledger.formats.digest import encode
from ledger.masks.secret import Secret
from ledger.party.connection import Connection
from ledger.party.moments import Moments
from ledger.party.publishing import card_in_use, digests_of, names_of
from ledger.party.publishing import write as write_release
from ledger.releases.card import Card
from ledger.store import disk

TRAINING = "training.intoto.json"
MODEL = "model.sig"
BILL = "model.cdx.json"
LINEAGE = "lineage.prov.json"
STATEMENT = "export-key.signed.json"
PUBLIC = "export-key.pem"
NAMES = (TRAINING, MODEL, BILL, LINEAGE, STATEMENT, PUBLIC)


def write(
    connection: Connection, key: Secret, said: SignedExportKey, title: str, folder: Path, evidence: Path | None = None
) -> list[Path]:
    """Write a release's files and all exports; each appears whole, the statement on its training last.

    `evidence` is a file that goes with them: its SHA-256 stands in the statement. What is signed follows from the
    ledger, not from the files as they are read back. Raises UsageError where other files are in the place of the
    released ones, which nobody could check then; and as `release fetch`.
    """
    card = card_in_use(connection, title)
    _require_own(folder / RELEASED, names_of(card))
    bundle = digest_of(evidence) if evidence else ""
    released = write_release(connection, card, folder / RELEASED)
    facts = facts_of(connection, card, digests_of(connection, card), bundle)
    made = unsigned(facts, said) | signed(facts, key, said)
    for name, content in made.items():
        disk.write_whole(folder / name, [content])
    return [*released, *(folder / name for name in made)]


def _require_own(folder: Path, names: Sequence[str]) -> None:
    with disk.translated(folder):
        found = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    others = [name for name in found if name not in names]
    if folder.is_symlink() or others:
        raise UsageError(
            "the released files need a folder of their own",
            advice="name another folder by --output",
            folder=str(folder),
            other_files=", ".join(others)[:200] or "it is a link",
        )


def unsigned(facts: ExportFacts, said: SignedExportKey) -> dict[str, bytes]:
    """The files that everybody makes the same, by name."""
    return {
        STATEMENT: said.encode() + b"\n",
        PUBLIC: p256.pem(bytes.fromhex(said.public)),
        BILL: bill(facts),
        LINEAGE: lineage(facts),
    }


def signed(facts: ExportFacts, key: Secret, said: SignedExportKey) -> dict[str, bytes]:
    """The files that only the holder of the export key makes, by name."""
    return {
        MODEL: envelope.bundle(manifest(facts), key),
        TRAINING: encode(envelope.seal(training_statement(facts, said), key)) + b"\n",
    }


def facts_of(connection: Connection, card: Card, files: Mapping[str, str], bundle: str) -> ExportFacts:
    """What the exports of a release say. Raises Unavailable where the time of its block is not to be had."""
    release = card.file.release
    time = Moments(connection, release.block).of(release.block)["time"]
    if not isinstance(time, int):
        raise Unavailable("the chain's node does not say when the release was recorded", block=release.block)
    return ExportFacts(card, files, time, bundle, connection.history.masks.get(release.job))


def digest_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises as `disk.pieces`."""
    made = hashlib.sha256()
    for piece in disk.pieces(path):
        made.update(piece)
    return made.hexdigest()
