"""The audits that this server made of one ledger, kept through restarts: the newest ones, what they said in a line."""

import contextlib
import os
from pathlib import Path

import msgspec

from ledger.audit.report import Report
from ledger.config import Network
from web.documents.answers import AuditLine

MOST = 200


class _Kept(msgspec.Struct, frozen=True):
    """The file: lines of one ledger, newest first."""

    chain: int
    ledger: str
    audits: tuple[AuditLine, ...]


class AuditHistory:
    """Keeps lines in `file`, or in memory alone. A file that cannot be read, or is another ledger's, begins again."""

    def __init__(self, network: Network, file: Path | None = None) -> None:
        self._place, self._file = (network.chain.id, network.contracts.ledger.address), file
        self.lines = self._read()

    def add(self, line: AuditLine) -> tuple[AuditLine, ...]:
        """All lines, the new one first. One that cannot be written is lost with the next restart, nothing else."""
        self.lines = (line, *self.lines)[:MOST]
        self._write()
        return self.lines

    def _read(self) -> tuple[AuditLine, ...]:
        if self._file is None:
            return ()
        try:
            kept = msgspec.json.decode(self._file.read_bytes(), type=_Kept)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ()
        return kept.audits[:MOST] if (kept.chain, kept.ledger) == self._place else ()

    def _write(self) -> None:
        if self._file is None:
            return
        draft = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            draft.write_bytes(msgspec.json.encode(_Kept(*self._place, self.lines)))
            draft.replace(self._file)


def line_of(report: Report, at: int, seconds: float, rounds: int) -> AuditLine:
    """An audit in a line."""
    return AuditLine(
        at=at,
        seconds=seconds,
        block=report.history.block,
        hash=report.history.hash.removeprefix("0x"),
        rounds=rounds,
        right=report.right.answer,
        lies=report.lies.answer,
        lies_told=len(report.lies.list),
        open_told=len(report.open.list),
    )
