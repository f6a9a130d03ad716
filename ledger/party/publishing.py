"""Released models out of the ledger: found, checked against the chain, and written as files, or compared with them."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from ledger.errors import Malformed, Refuted, UsageError
from ledger.events.actions import ReleaseModel
from ledger.events.encoding import name_word
from ledger.events.proposals import Release
from ledger.formats.artifact import Buffer
from ledger.formats.digest import NOTHING, sha256
from ledger.history.names import find, require_usable
from ledger.jobs.document import Job
from ledger.party.connection import Connection
from ledger.releases import report as evaluation
from ledger.releases.card import FILE as CARD
from ledger.releases.card import Card
from ledger.releases.file import FORMAT, JOB_FILE, MAX_HEADER, NAME, ModelFile, read_metadata
from ledger.releases.peft import MODEL
from ledger.releases.report import Evaluation
from ledger.rounds.facts import Place
from ledger.store import disk

AGAIN = "do not use it; fedledger release fetch writes it again"


def report_of(connection: Connection, release: ReleaseModel) -> Evaluation | None:
    """The evaluation report that a release names, or is proposed with; None where it names none.

    Raises Unavailable where it cannot be fetched, Refuted where it is not a report, or on another model.
    """
    digest = bytes.fromhex(release.report)
    if digest == NOTHING:
        return None
    pieces = connection.fetch(evaluation.cid_of(digest), 0, evaluation.MAX_SIZE + 1)
    return read_report(b"".join(bytes(piece) for piece in pieces), connection.place, release)


def read_report(data: bytes, place: Place, release: ReleaseModel) -> Evaluation:
    """A report, its digest already checked, on a release's model. Raises Refuted for anything else: it was named."""
    where = {"job": release.job, "round": release.round, "root": release.root}
    try:
        report = evaluation.parse(data)
        evaluation.require_model(report, chain=place.chain, ledger=place.contract, **where)
    except Malformed as error:
        raise Refuted(
            f"what {release.name} {release.version} names as its evaluation report is not one: {error.message}",
            advice="ask its proposer; members may revoke it: fedledger release revoke",
            **error.facts,
        ) from error
    return report


def read_file(path: Path) -> Evaluation:
    """A report that a party was given as a file. Raises UsageError, Unavailable or Malformed, naming the file."""
    data = bytearray()
    for piece in disk.pieces(path):
        data += piece
        if len(data) > evaluation.MAX_SIZE:
            break
    try:
        return evaluation.parse(bytes(data))
    except Malformed as error:
        raise Malformed(error.message, advice=error.advice, file=str(path), **error.facts) from error


def card_of(connection: Connection, release: Release) -> Card:
    """The card of a release, and in it its file. Raises as `Connection.document` and `report_of`."""
    history, network = connection.history, connection.network
    state = history.jobs[release.job]
    job: Job = connection.document(state)
    file = ModelFile(connection.place, network.contracts.releases.address, release, state, job)
    report = report_of(connection, release.action)
    return Card.of(file, report, history.decisions, network.name, history.name)


def check_on_chain(connection: Connection, release: Release) -> None:
    """Hold what the log says of a release against the contracts' own state. Raises Refuted, or RevokedRelease.

    1. ReleaseBoard keeps the record. 2. It is not revoked there, nor its model convicted in RoundLedger. 3. That keeps
    the model's root for its round.
    """
    record, revoked = connection.client.view("releases", "releaseOf", release.id)
    names = (name_word(release.name), name_word(release.version))
    expected = [*names, release.job, release.round, release.root, release.scores, release.report]
    if record != expected:
        raise Refuted("the chain's log and its contract disagree on the release", expected=expected, actual=record)
    if revoked != release.revoked:
        raise Refuted("the chain's log and its contract disagree on whether the release is revoked")
    if connection.client.view("ledger", "isConvicted", release.job, release.round)[0] != release.convicted:
        raise Refuted("the chain's log and its contract disagree on whether the release's model is convicted")
    require_usable(release)
    root = connection.client.model(release.job, release.round)
    if root != release.root:
        raise Refuted("the chain keeps another model for that round", expected=release.root.hex(), actual=root.hex())


def card_in_use(connection: Connection, title: str) -> Card:
    """The card of a release, by NAME or NAME@VERSION, checked by `check_on_chain`. Raises as that, and `find`."""
    release = find(connection.refresh().decisions, title)
    check_on_chain(connection, release)
    return card_of(connection, release)


def verify(connection: Connection, folder: Path, wanted: str = "") -> Card:
    """Make a release's files again and compare them, byte by byte, with those in `folder`.

    1. The model file says which release of this consortium it is, where `wanted`, a NAME@VERSION, does not.
    2. That release is in use, and the chain keeps it so.
    3. The model file is what the ledger's model makes.
    4. The card is what ledger and report make, what loaders ask for what the job makes, and the job's document the
    ledger's; a folder of before there was such a file has none.
    Raises UsageError, RevokedRelease, and Refuted with the first place that differs.
    """
    card = card_in_use(connection, wanted or _release_in(connection, _model_in(folder)))
    title, name = f"{card.file.release.name} {card.file.release.version}", card.file.file_name
    place = _difference(folder / name, card.file.pieces(connection.fetch))
    if place is not None:
        raise Refuted(f"{name} is not the model of {title}", advice=AGAIN, byte=place, where=_where(card.file, place))
    for other, (what, content) in _texts(card).items():
        if other == JOB_FILE and not (folder / other).exists():
            continue
        place = _difference(folder / other, iter([content]))
        if place is not None:
            raise Refuted(f"{other} is not the {what} of {title}", advice=AGAIN, byte=place)
    return card


def names_of(card: Card) -> tuple[str, ...]:
    """The names of a release's files, in the order in which they are written."""
    return (card.file.file_name, *_texts(card))


def digests_of(connection: Connection, card: Card) -> dict[str, str]:
    """The SHA-256 of each of a release's files in hexadecimal, by name, as the ledger makes them: a file on a disk may
    be another by the time that it is read again. Raises as `ModelFile.pieces`.
    """
    made = hashlib.sha256()
    for piece in card.file.pieces(connection.fetch):
        made.update(piece)
    texts = {name: sha256(content).hex() for name, (_, content) in _texts(card).items()}
    return {card.file.file_name: made.hexdigest(), **texts}


def _texts(card: Card) -> dict[str, tuple[str, bytes]]:
    """A release's files beside its model, by name: what each is called, and its bytes."""
    further = {name: ("configuration", content) for name, content in card.file.beside.items()}
    job = {JOB_FILE: ("job's document", card.file.job.encode())}
    return {**further, CARD: ("card", card.text().encode()), **job}


def _model_in(folder: Path) -> Path:
    """Where a folder's model file is: an adapter's has another name."""
    adapter = folder / MODEL
    return adapter if adapter.is_file() else folder / NAME


def _release_in(connection: Connection, file: Path) -> str:
    """Which release of this consortium a model file says that it is. Raises UsageError, Malformed."""
    metadata = read_metadata(_beginning(file))
    expected = {
        "fedledger": FORMAT,
        "chain": str(connection.place.chain),
        "ledger": connection.place.contract,
        "releases": connection.network.contracts.releases.address,
    }
    for field, value in expected.items():
        if metadata.get(field) != value:
            raise UsageError(
                f"the file is of another {field} than this network's",
                advice="pass the network file of the consortium that released it",
                expected=value,
                actual=metadata.get(field),
            )
    return f"{metadata.get('name', '')}@{metadata.get('version', '')}"


def write(connection: Connection, card: Card, folder: Path) -> list[Path]:
    """Write a release's files, each of which appears only when it is whole and checked. Raises as `pieces`."""
    with disk.translated(folder):
        folder.mkdir(parents=True, exist_ok=True)
    disk.write_whole(folder / card.file.file_name, card.file.pieces(connection.fetch))
    for name, (_, content) in _texts(card).items():
        disk.write_whole(folder / name, [content])
    return [folder / name for name in names_of(card)]


def _beginning(path: Path) -> bytes:
    """As much of a file as its header may take."""
    head = bytearray()
    for piece in disk.pieces(path):
        head += piece
        if len(head) >= MAX_HEADER:
            break
    return bytes(head[:MAX_HEADER])


def _difference(path: Path, expected: Iterator[Buffer]) -> int | None:
    """The first byte in which a file differs from what it must be; None where there is none."""
    at, right = 0, memoryview(b"")
    for piece in disk.pieces(path):
        have = piece
        while have:
            right = right or memoryview(next(expected, b"")).cast("B")
            size = min(len(have), len(right))
            if not size or have[:size] != right[:size]:
                return at + next((n for n in range(size) if have[n] != right[n]), 0)
            at, have, right = at + size, have[size:], right[size:]
    return at if right or any(len(piece) for piece in expected) else None


def _where(file: ModelFile, place: int) -> str:
    """What stands at a byte of a model file."""
    byte = place - len(file.header)
    if not 0 <= byte < file.values.size:
        return "the header" if byte < 0 else "after the last value"
    tensor, within = file.values.locate(byte)
    return f"value {within} of tensor {tensor!r}"
