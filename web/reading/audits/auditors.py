"""Other auditors' reports, in a folder that this server is handed: each is verified before anything of it is shown."""

from collections.abc import Iterator, Mapping
from os import scandir
from pathlib import Path

from ledger.audit.report import MeasuredRound
from ledger.audit.signed_report import MAX_SIZE, CheckedReport, parse, require_ledger
from ledger.config import Network
from ledger.errors import FedledgerError, plain
from web.documents.answers import AuditorAnswers, AuditorLine
from web.reading.latest import SignedNorms
from web.reading.ledger import Reading
from web.reading.norms import Place, signed_norms

MOST = 32
"""So many files are read; the first by name."""
Marks = tuple[tuple[str, int, int], ...]


class Auditors:
    """The reports in `folder`, read again when a file of it is new or another; `norms` is what they measured."""

    def __init__(self, folder: Path, network: Network) -> None:
        self._folder, self._network = folder, network
        self._seen: Marks | None = None
        self.norms: Mapping[Place, SignedNorms] = {}

    def changed(self) -> tuple[AuditorLine, ...] | None:
        """All reports, if any has changed since they were last read; None if not. A folder that is away has none."""
        marks = self._marks()
        if marks == self._seen:
            return None
        self._seen = marks
        measured: list[tuple[str, tuple[MeasuredRound, ...]]] = []
        lines = tuple(self._line(name, measured) for name, _, _ in marks)
        self.norms = signed_norms(measured)
        return lines

    def _marks(self) -> Marks:
        """Names, times and sizes; links and what is not a plain file are passed over."""
        try:
            with scandir(self._folder) as entries:
                files = [one for one in entries if one.name.endswith(".json") and one.is_file(follow_symlinks=False)]
                found = sorted((one.name, one.stat().st_mtime_ns, one.stat().st_size) for one in files)
        except OSError:
            return ()
        return tuple(found[:MOST])

    def _line(self, file: str, measured: list[tuple[str, tuple[MeasuredRound, ...]]]) -> AuditorLine:
        """A report in a line; what it measured is added to `measured`, under its signer's key."""
        name, here = plain(file), self._network
        try:
            with (self._folder / file).open("rb") as stream:
                checked = parse(stream.read(MAX_SIZE + 1))
            require_ledger(checked.report, here.chain.id, here.contracts.ledger.address)
        except FedledgerError as error:
            return AuditorLine(file=name, trouble=error.message)
        except OSError as error:
            return AuditorLine(file=name, trouble=f"it cannot be read: {error.strerror}")
        measured.append((checked.signer, checked.report.measured))
        return AuditorLine(file=name, trouble="", key=checked.signer, answers=_answers(checked))


def auditor_lines(now: Reading) -> Iterator[AuditorLine]:
    """The reports with their auditors by name, those that are verified first."""
    owners = now.snapshot.owners
    for one in sorted(now.state.reports, key=lambda one: bool(one.trouble)):
        party = now.owner(one.key) if one.key and one.key in owners else None
        yield AuditorLine(file=one.file, trouble=one.trouble, party=party, key=one.key, answers=one.answers)


def _answers(checked: CheckedReport) -> AuditorAnswers:
    report = checked.report
    ((what, which),) = report.asked.items()
    return AuditorAnswers(
        asked="everything that stands" if what == "all" else f"{what} {which}",
        right=report.right.answer,
        exit=report.exit,
        lies=report.lies.answer,
        lies_told=len(report.lies.list),
        open_told=len(report.open.list),
        at=report.history.time + report.history.age,
        block=report.history.block,
        hash=report.history.hash.removeprefix("0x"),
    )
