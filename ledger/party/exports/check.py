"""A folder of exports, all of it made again from the ledger and compared."""

import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from ledger.errors import Malformed, Refuted, Unavailable, UsageError, plain
from ledger.events.signed import SignedExportKey
from ledger.exports import envelope
from ledger.exports.facts import RELEASED, ExportFacts
from ledger.exports.model_signing import manifest
from ledger.exports.training import named_in, training_statement
from ledger.files.foreign import read_foreign
from ledger.party.connection import Connection
from ledger.party.exports import files
from ledger.party.exports.files import digest_of, facts_of
from ledger.party.publishing import digests_of, names_of, verify

Answer = Literal["yes", "no", "unknown"]
FEW = 20
"""Names of other files in the folder that are told."""


@dataclass(frozen=True, slots=True)
class CheckedExport:
    """One thing in a folder of exports: whether it holds, and why not."""

    what: str
    holds: Answer
    why: str = ""


@dataclass(frozen=True, slots=True)
class Exports:
    """What was checked of a folder: NAME@VERSION, who signed, and each thing in it; `beside` is what else lies there,
    of which nothing was.
    """

    title: str
    member: str
    checked: tuple[CheckedExport, ...]
    beside: tuple[str, ...] = ()

    @property
    def exit(self) -> int:
        """0 all of it holds, 1 something is false, 3 something could not be checked."""
        found = {one.holds for one in self.checked}
        return 1 if "no" in found else 3 if "unknown" in found else 0


def check(connection: Connection, folder: Path, evidence: Path | None = None) -> Exports:
    """Make a folder's exports again, and compare them byte by byte.

    1. The statement on the training is one of this network, of a release in use. 2. Its export key is tied, by the
    statement in it, to the key that speaks for a member now. 3. The released files are those of the ledger, and no
    others. 4. The statement is what follows from ledger and files, under the export key. 5. So are the manifest of the
    files, 6. the bill of materials, the lineage, and the key's own files. 7. The evidence that it names is at hand.

    Raises Malformed where the statement is not one, UsageError where it is of another ledger, UnknownRelease and
    RevokedRelease; and Refuted or Unavailable where the released files cannot be told: nothing else can, then.
    """
    sealed = envelope.parse(_read(folder, files.TRAINING))
    title, bundle, said = named_in(envelope.payload_of(sealed, files.TRAINING))
    _require_ledger(connection, said)
    found = _plain_files(folder / RELEASED)
    card = verify(connection, folder / RELEASED, title)
    if found != sorted(names_of(card)):
        expected, actual = ", ".join(sorted(names_of(card))), ", ".join(found)[:200]
        raise Refuted("the release has other files than its own", expected=expected, actual=actual)
    facts = facts_of(connection, card, digests_of(connection, card), bundle)
    member, key = _key(connection, said)
    checked = (
        key,
        CheckedExport(f"{RELEASED}: the files that the ledger makes", "yes"),
        *_made_again(folder, facts, said, sealed),
        *([_evidence(bundle, evidence)] if bundle else []),
    )
    return Exports(facts.title, member, checked, _beside(folder))


def _beside(folder: Path) -> tuple[str, ...]:
    """What else is in the folder: no part of the exports, and nothing was checked of it. At most `FEW` names."""
    with suppress(OSError):
        others = {path.name for path in folder.iterdir()} - {*files.NAMES, RELEASED}
        return tuple(plain(name[:200]) for name in sorted(others)[:FEW])
    return ()


def _plain_files(folder: Path) -> list[str]:
    """The names in a folder, sorted: a link could lead elsewhere, a pipe never end. Raises Refuted for one of these,
    also in the folder's own place; Malformed where there is no folder.
    """
    if folder.is_symlink():
        raise Refuted("the folder of the released files is a link", actual=folder.name)
    try:
        found = sorted(folder.iterdir())
        for path in found:
            if not stat.S_ISREG(path.lstat().st_mode):
                raise Refuted("one of the released files is not a file", actual=path.name[:200])
    except OSError as error:
        raise Malformed(f"the exports have no released files: {error.strerror}", file=str(folder)) from error
    return [path.name for path in found]


def _require_ledger(connection: Connection, said: SignedExportKey) -> None:
    here, there = f"{connection.place.chain}, {connection.place.contract}", f"{said.chain}, {said.contract}"
    if here != there:
        advice = "pass the network file of the consortium that released it"
        raise UsageError("the exports are of another ledger", advice=advice, expected=here, actual=there)


def _key(connection: Connection, said: SignedExportKey) -> tuple[str, CheckedExport]:
    """Whose export key it is: the name of its member."""
    members = connection.refresh().members.values()
    found = next((member for member in members if said.member in member.keys), None)
    if found is None:
        why = f"{said.member} never was the key of a member"
        return said.member, CheckedExport("the export key is a member's", "no", why)
    name = connection.name(found.index)
    what = f"the export key is that of {name}"
    if found.key != said.member:
        why = (
            f"{said.member} does not speak for it any more: it may have been stolen; ask for a statement under its key"
        )
        return name, CheckedExport(what, "unknown", why)
    return name, CheckedExport(what, "yes")


def _made_again(
    folder: Path, facts: ExportFacts, said: SignedExportKey, sealed: envelope.Envelope
) -> Iterator[CheckedExport]:
    point = bytes.fromhex(said.public)

    def training() -> None:
        _compare(envelope.opened(sealed, point, files.TRAINING), training_statement(facts, said), files.TRAINING)

    def model() -> None:
        found = envelope.opened_bundle(_read(folder, files.MODEL), point, files.MODEL)
        _compare(found, manifest(facts), files.MODEL)

    yield _held(f"{files.TRAINING}: what the ledger says of the training", training)
    yield _held(f"{files.MODEL}: the manifest of the released files", model)
    for name, content in files.unsigned(facts, said).items():
        yield _held(f"{name}: made again, byte for byte", partial(_same, folder, name, content))


def _evidence(bundle: str, evidence: Path | None) -> CheckedExport:
    what = "the evidence that the statement names"
    if evidence is None:
        return CheckedExport(what, "unknown", f"it was not shown: --bundle FILE, SHA-256 {bundle[:64]}")
    actual = digest_of(evidence)
    return CheckedExport(what, "yes" if actual == bundle else "no", "" if actual == bundle else f"it is {actual}")


def _held(what: str, look: Callable[[], None]) -> CheckedExport:
    try:
        look()
    except (Refuted, Malformed) as error:
        return CheckedExport(what, "no", str(error))
    except Unavailable as error:
        return CheckedExport(what, "unknown", str(error))
    return CheckedExport(what, "yes")


def _compare(actual: bytes, expected: bytes, what: str) -> None:
    """Raises Refuted with the first byte that differs."""
    if actual != expected:
        pairs = enumerate(zip(actual, expected, strict=False))
        place = next((at for at, (left, right) in pairs if left != right), min(len(actual), len(expected)))
        raise Refuted(f"{what} is not what the ledger makes", byte=place)


def _same(folder: Path, name: str, expected: bytes) -> None:
    _compare(_read(folder, name), expected, name)


def _read(folder: Path, name: str) -> bytes:
    try:
        return read_foreign(folder / name, name, envelope.MAX_SIZE)
    except OSError as error:
        raise Malformed(f"the exports lack {name}", file=str(folder / name)) from error
