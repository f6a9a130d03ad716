"""Other auditors' reports, in a folder that this server is handed: each is verified before anything of it is shown."""

from collections.abc import Iterator, Mapping
from os import scandir
from pathlib import Path
from types import MappingProxyType

from ledger.audit.signed_report import MAX_SIZE, CheckedReport, parse, require_ledger
from ledger.config import Network
from ledger.errors import FedledgerError, plain
from ledger.files.foreign import read_foreign
from web.documents.answers import AuditorAnswers, AuditorLine, AuditorStanding
from web.reading.latest import SignedNorms
from web.reading.ledger import Reading
from web.reading.updates.norms import Place, signed_norms

MOST = 32
"""So many files are read; the first by name."""
Marks = tuple[tuple[str, int, int], ...]


class Auditors:
    """The reports in `folder`, read again when a file of it is new or another; `norms` is what they measured."""

    def __init__(self, folder: Path, network: Network) -> None:
        self._folder, self._network = folder, network
        self._seen: Marks | None = None
        self.norms: Mapping[Place, tuple[SignedNorms, ...]] = {}

    def changed(self) -> tuple[AuditorLine, ...] | None:
        """All reports, if any has changed since they were last read; None if not. A folder that is away has none."""
        marks = self._marks()
        if marks == self._seen:
            return None
        self._seen = marks
        read: list[CheckedReport] = []
        lines = tuple(self._line(name, read) for name, _, _ in marks)
        self.norms = signed_norms(read)
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

    def _line(self, file: str, read: list[CheckedReport]) -> AuditorLine:
        """A report in a line; one that is verified is added to `read`."""
        name, here = plain(file), self._network
        try:
            checked = parse(read_foreign(self._folder / file, "the signed report", MAX_SIZE))
            require_ledger(checked.report, here.chain.id, here.contracts.ledger.address)
        except FedledgerError as error:
            return AuditorLine(file=name, standing="unverified", trouble=error.message)
        except OSError as error:
            return AuditorLine(file=name, standing="unverified", trouble=f"it cannot be read: {error.strerror}")
        read.append(checked)
        return AuditorLine(file=name, standing="unseen", trouble="", key=checked.signer, answers=_answers(checked))


def auditor_lines(now: Reading) -> Iterator[AuditorLine]:
    """The reports with their auditors by name, those that are verified first. One of a block that this chain does not
    have, or is not known to have, is not verified: its answers are not shown.
    """
    owners = now.snapshot.owners
    lines = [(one, _standing(now, one)) for one in now.state.reports]
    for one, standing in sorted(lines, key=lambda line: line[1] != "verified"):
        party = now.owner(one.key) if one.key and one.key in owners else None
        trouble = one.trouble or _TROUBLES.get(standing, "")
        answers = one.answers if standing == "verified" else None
        yield AuditorLine(file=one.file, standing=standing, trouble=trouble, party=party, key=one.key, answers=answers)


_TROUBLES: Mapping[AuditorStanding, str] = MappingProxyType(
    {
        "fork": "it is of another chain, or of a fork: this chain has another block of that number",
        "ahead": "this chain has not come to its block yet",
        "unseen": "its block has not been compared with this chain yet",
    }
)


def _standing(now: Reading, one: AuditorLine) -> AuditorStanding:
    """Whether a report is of a block of this chain, as its header says."""
    if one.answers is None:
        return "unverified"
    block, found = one.answers.block, now.state.headers.get(one.answers.block)
    if found is not None:
        return "verified" if found.hex() == one.answers.hash.lower() else "fork"
    return "ahead" if block > now.snapshot.block else "unseen"


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
