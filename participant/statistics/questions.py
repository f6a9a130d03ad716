"""Whether a question may be answered after others: two answers together may show what each of them withholds.

Bins that differ by one edge, classes that overlap, a table with one row more: the difference of two answers is then a
small cell. So each column is answered in one way only, of the very same rows; what is asked again is answered alike,
byte for byte, and tells nothing new. Why this is enough: docs/spec/statistics.md.
"""

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from ledger.errors import UsageError
from ledger.formats.strict import Strict
from ledger.jobs.analysis import Analysis, AnalysisColumn

FORGET = "fedledger node told --forget COLUMN --reason TEXT"


LOST = "lost"
"""Stands for a digest of rows that is not on record any more: it is that of no rows."""


class AnsweredQuestion(Strict, frozen=True):
    """A job's analysis as a home answered it: with each of its columns the digest of the rows that it was answered of.

    `divider` is the column of its classes, if it has any; `correlated` are the columns of its correlations, in order;
    `noise` is what the job says of it, empty for none.
    """

    job: str
    divider: AnalysisColumn | None
    min_cell: int
    min_rows: int
    columns: dict[str, tuple[AnalysisColumn, str]]
    groups: str
    correlated: tuple[str, ...]
    pairs: str
    noise: str = ""

    @property
    def is_lost(self) -> bool:
        """Whether only the ledger says that it was answered, not of which rows."""
        return any(digest == LOST for _, digest in self.columns.values())

    @property
    def names(self) -> set[str]:
        """Every column that it speaks of."""
        return {*self.columns, *([self.divider.name] if self.divider is not None else [])}


def without(question: AnsweredQuestion, column: str) -> AnsweredQuestion | None:
    """What of a question still counts once a column is forgotten: its other columns, and that these were correlated;
    None where it was the last one, or the classes', which every answer is of.
    """
    columns = {name: told for name, told in question.columns.items() if name != column}
    if not columns or (question.divider is not None and question.divider.name == column):
        return None
    return replace(question, columns=columns, correlated=tuple(name for name in question.correlated if name != column))


def question_of(job: bytes, analysis: Analysis, rows: Mapping[str, str], noise: str = "") -> AnsweredQuestion:
    """What is asked of rows with these digests (`participant.tasks.data.tabulating.digests`), with this noise."""
    correlated = tuple(analysis.asked[place].name for place in analysis.numbers) if analysis.correlations else ()
    return AnsweredQuestion(
        job=job.hex(),
        divider=analysis.divider,
        min_cell=analysis.min_cell,
        min_rows=analysis.min_rows,
        columns={column.name: (column, rows[column.name]) for column in analysis.asked},
        groups=rows[analysis.by] if analysis.by else "",
        correlated=correlated,
        pairs=rows[""] if analysis.correlations else "",
        noise=noise,
    )


def lost_question(job: bytes, analysis: Analysis) -> AnsweredQuestion:
    """A question that this home answered of rows that nobody knows any more."""
    names = [column.name for column in analysis.columns]
    return question_of(job, analysis, dict.fromkeys([*names, ""], LOST))


def require_compatible(earlier: Iterable[AnsweredQuestion], now: AnsweredQuestion) -> None:
    """Refuse a question that shares a column with an earlier one, but for one that asks the same of the same rows.

    1. The same classes: `by`, its categories, and which rows are in which.
    2. The same floors, `min_cell` and `min_rows`, and the same noise.
    3. Of each column that both name, the same range, steps, bins or categories, and the same rows.
    4. Where both ask correlations of a column, they are of the same columns, and the same rows.

    What was told of rows that are not on record any more goes with no later question about its columns. Raises
    UsageError, naming the column.
    """
    for before in earlier:
        shared = before.names & now.names
        if shared and before.is_lost:
            raise _refused(
                f"of which rows column {min(shared)!r} was told is not on record any more", min(shared), before
            )
        if shared:
            _require_alike(before, now, min(shared))
        for name in sorted(set(before.columns) & set(now.columns)):
            if before.columns[name][0] != now.columns[name][0]:
                raise _refused(f"column {name!r} was asked with other bins or categories", name, before)
            if before.columns[name][1] != now.columns[name][1]:
                raise _refused(f"rows have changed in column {name!r} since it was told", name, before)
        both = sorted(set(before.correlated) & set(now.correlated))
        if both and (before.correlated, before.pairs) != (now.correlated, now.pairs):
            raise _refused(f"column {both[0]!r} was correlated with other columns, or other rows", both[0], before)


def _require_alike(before: AnsweredQuestion, now: AnsweredQuestion, name: str) -> None:
    if before.divider != now.divider:
        said = f"by {before.divider.name!r}" if before.divider is not None else "of all rows together"
        raise _refused(f"column {name!r} was asked {said}, and is asked by other classes now", name, before)
    if before.groups != now.groups:
        raise _refused("rows have changed in the job's classes since they were told", name, before)
    if (before.min_cell, before.min_rows) != (now.min_cell, now.min_rows):
        raise _refused(f"column {name!r} was asked with other floors", name, before)
    if before.noise != now.noise:
        said = f"with noise {before.noise}" if before.noise else "without noise"
        raise _refused(f"column {name!r} was asked {said}", name, before)


def _refused(why: str, column: str, before: AnsweredQuestion) -> UsageError:
    return UsageError(
        f"this analysis is not answered: {why}; the difference of two answers could show single rows",
        advice=f"ask as before, or let the data's owner decide that earlier answers do not matter: {FORGET}",
        column=column,
        told_for_job=before.job,
    )
