"""A comparison on its way into a report: models trained without the ledger beside the report's, all on one file."""

from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from ledger.errors import UsageError
from ledger.keys import address_of
from ledger.party.publishing import read_file
from ledger.releases.comparison import ComparedFigures, Comparison
from ledger.releases.counts import decimal
from ledger.releases.report import Evaluation, check
from ledger.store import disk
from participant.measuring.evaluation import Line, figures, samples_of
from participant.measuring.own_rows import OwnRows
from participant.trainer.messages import ComparedModel

MAX_SIZE = 1 << 20
POOLED, ALONE = "pooled", " alone"
_SAID = frozenset({"name", "samples"})


class Written(msgspec.Struct, frozen=True):
    """What `fedledger node compare --json` writes: a row for each model, and what they were measured on and made from.

    `data` is the SHA-256 of the file.
    """

    rows: list[dict[str, Any]]
    data: str
    rounds: int
    seed: int


def written(rows: tuple[ComparedModel, ...], test: Path, rounds: int, seed: int) -> Written:
    """A comparison as a document. Raises Unavailable where the file cannot be read."""
    found = [{"name": row.name, **row.merit, "samples": row.samples} for row in rows]
    return Written(found, digest_of(test), rounds, seed)


def read(path: Path) -> Written:
    """A comparison that was written. Raises UsageError for anything else, Unavailable where it cannot be read."""
    data = b"".join(disk.pieces(path))
    try:
        if len(data) > MAX_SIZE:
            raise msgspec.ValidationError("it is too long")
        return msgspec.json.decode(data, type=Written)
    except msgspec.DecodeError as error:
        raise UsageError(
            f"this is not a comparison: {error}", advice="fedledger node compare --json writes one", file=str(path)
        ) from error


def add_comparison(own: OwnRows, made: Written, line: Line, file: Path, path: Path) -> Evaluation:
    """Add a comparison to the report in `path`, vouched for by this party; `line` is the report's model, on `file`.

    Raises UsageError where the file is not the one that the others were measured on, this party is not a member, or the
    report has a comparison of its; Malformed for figures that are none.
    """
    if digest_of(file) != made.data:
        raise UsageError("the models were compared on another file", expected=made.data, actual=digest_of(file))
    key, connection, report = address_of(own.home.keystore), own.connection, read_file(path)
    member = own.member
    if member is None or member.key != key:
        raise UsageError("only a member vouches for a comparison", advice="fedledger node join", key=key)
    if any(one.key == key for one in report.comparisons):
        raise UsageError("the report has a comparison of this party", party=connection.name(member.index), key=key)
    mine = Comparison(
        party=connection.name(member.index),
        key=key,
        data=made.data,
        samples=samples_of(line),
        rounds=made.rounds,
        seed=made.seed,
        models=(*map(_model, made.rows), ComparedFigures(kind="federated", metrics=figures(line))),
    )
    compared = sorted((*report.comparisons, mine), key=lambda one: (one.party, one.key))
    report = replace(report, comparisons=tuple(compared))
    check(report)
    disk.write_whole(path, [report.encode()])
    return report


def digest_of(file: Path) -> str:
    """The SHA-256 of a file. Raises Unavailable where it cannot be read."""
    hashed = sha256()
    for piece in disk.pieces(file):
        hashed.update(piece)
    return hashed.hexdigest()


def _model(row: dict[str, Any]) -> ComparedFigures:
    """A row as the report has it. Raises UsageError where it is not one."""
    name, merit = row.get("name"), {word: value for word, value in row.items() if word not in _SAID}
    if not isinstance(name, str) or not all(isinstance(value, int | float) for value in merit.values()):
        raise UsageError("this is not a row of a comparison", row=str(row)[:200])
    try:
        metrics = {word: decimal(Fraction(value)) for word, value in merit.items()}
    except (ValueError, OverflowError) as error:
        raise UsageError(f"a figure is not a number: {error}", row=str(row)[:200]) from error
    if name == POOLED:
        return ComparedFigures(kind="pooled", metrics=metrics)
    return ComparedFigures(kind="alone", name=name.removesuffix(ALONE), metrics=metrics)
