"""A table of whose rows a job's preparation has made numbers: what a task takes. `table.py` makes it, with Polars."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ledger.errors import Malformed
from participant.tasks.data.preparing.faults import LEFT_OUT, Places, RowFault, by_line

SHOWN_LINES, SHOWN_FAULTS = 5, 20


@dataclass(frozen=True, slots=True)
class PreparedTable:
    """Rows that can be read, in the file's order: `values` float64 n × `names`, `labels` float64 n × `label_names`, as
    the task's own functions read them, `lines` int64 the place of each row. `faults` say why the others cannot be read.
    """

    path: Path
    names: tuple[str, ...]
    values: NDArray[np.float64]
    label_names: tuple[str, ...]
    labels: NDArray[np.float64]
    lines: Places
    faults: tuple[RowFault, ...]

    def unreadable(self) -> dict[int, list[RowFault]]:
        """The rows that are not among `values`, by their place in the file, each with every reason."""
        return by_line(self.faults)

    def refuse(self) -> None:
        """Raise Malformed where rows cannot be read, with all reasons at once, or where no row is left. Rows that the
        columns file leaves out are left out.
        """
        faults = [fault for fault in self.faults if fault.kind != LEFT_OUT]
        if faults:
            raise self._refusal(faults)
        if len(self.lines):
            return
        left_out = sum(fault.lines.size for fault in self.faults)
        raise Malformed(
            "preparation leaves no rows" if left_out else "the file has a header but no rows",
            advice="let the job say what becomes of missing values, or fill them in" if left_out else "is it the file?",
            file=str(self.path),
            **({"column": self.faults[0].column, "left_out": len(self.unreadable())} if left_out else {}),
        )

    def _refusal(self, faults: list[RowFault]) -> Malformed:
        first, rows = faults[0], len(by_line(faults))
        alone = len(faults) == 1
        said = [] if alone else [_said(fault) for fault in faults[:SHOWN_FAULTS]]
        if len(faults) > SHOWN_FAULTS:
            said.append(f"and {len(faults) - SHOWN_FAULTS} more")
        return Malformed(
            first.message if alone else f"{len(faults)} things are wrong with the table; the first: {first.message}",
            advice=first.advice,
            file=str(self.path),
            line=int(first.lines[0]),
            **({"column": first.column} if first.column else {}),
            value=repr(first.example),
            rows=rows,
            **({"lines": _lines(first)} if alone else {"faults": "; ".join(said)}),
        )


def _lines(fault: RowFault) -> str:
    more = ", …" if fault.lines.size > SHOWN_LINES else ""
    return ", ".join(map(str, fault.lines[:SHOWN_LINES].tolist())) + more


def _said(fault: RowFault) -> str:
    where = f"{fault.column}: " if fault.column else ""
    return f"{where}{fault.message} ({fault.lines.size} rows, lines {_lines(fault)})"
