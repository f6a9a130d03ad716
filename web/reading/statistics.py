"""What analyses came to: read off the models of their rounds in the background."""

from collections.abc import Iterator

from ledger.config import Network
from ledger.errors import FedledgerError, Malformed
from ledger.history.state import JobState
from ledger.jobs.analysis import asked_in
from ledger.jobs.document import Job
from ledger.rounds.facts import Place
from ledger.rounds.inputs import Fetch
from ledger.statistics import figures
from ledger.statistics.findings import JobStatistics, decimal, errors, findings, matrix
from ledger.statistics.table import CountedClass, CountedColumn
from web.documents.statistics import BinDocument, ClassDocument, ColumnDocument, StatisticsDocument
from web.reading.latest import MissingFile, State
from web.reading.ledger import Reading
from web.reading.snapshot import Snapshot

DIGITS = 6
Wanted = tuple[JobState, Job]


def wanted(snapshot: Snapshot, state: State) -> Iterator[Wanted]:
    """The jobs with an analysis of which a round is finalised."""
    for made in snapshot.jobs.values():
        document = state.documents.get(made.digest)
        if document is not None and document.analysis is not None and made.finalised:
            yield made, document


def read(network: Network, one: Wanted, fetch: Fetch) -> JobStatistics | MissingFile:
    """What an analysis came to, or why that is not known."""
    made, document = one
    try:
        return findings(Place(network.chain.id, network.contracts.ledger.address), made, document, fetch)
    except Malformed as error:
        return MissingFile(error.message, final=True)
    except FedledgerError as error:
        return MissingFile(error.message)


def job_statistics(now: Reading, state: JobState) -> StatisticsDocument | None:
    """A job's statistics, as far as they are known; None of a job that trains, or whose document was not read."""
    document = now.document(state)
    if document is None or document.analysis is None:
        return None
    found, analysis = now.state.statistics.get(state.digest), document.analysis
    known = found if isinstance(found, JobStatistics) else None
    return StatisticsDocument(
        asked=asked_in(analysis),
        by=analysis.by,
        min_cell=analysis.min_cell,
        min_rows=analysis.min_rows,
        noise=document.row_noise.noise if document.row_noise is not None else None,
        answers=tuple(map(now.member_party, known.members)) if known else (),
        classes=tuple(_class(known, one) for one in known.groups) if known else (),
        troubles=tuple(known.troubles) if known else (found.trouble,) if isinstance(found, MissingFile) else (),
    )


def _class(found: JobStatistics, one: CountedClass) -> ClassDocument:
    analysis, sums = found.analysis, one.correlated
    named = tuple(analysis.asked[place].name for place in analysis.numbers) if sums is not None and sums.rows else ()
    return ClassDocument(
        name=one.name,
        rows=one.rows,
        columns=tuple(map(_column, one.columns)),
        correlated=named,
        correlated_rows=sums.rows if sums is not None else 0,
        correlations=tuple(map(tuple, matrix(sums, DIGITS))) if sums is not None and named else (),
        correlation_errors=tuple(map(tuple, errors(found, sums, 2))) if sums and named and found.noise else (),
    )


def _column(counted: CountedColumn) -> ColumnDocument:
    return ColumnDocument(
        name=counted.column.name,
        numeric=counted.column.numeric,
        rows=counted.rows,
        missing=counted.missing,
        outside=counted.outside,
        withheld=counted.withheld,
        mean=decimal(figures.mean(counted), DIGITS) if counted.column.numeric else None,
        std=decimal(figures.deviation(counted), DIGITS) if counted.column.numeric else None,
        bins=tuple(_bins(counted)),
    )


def _bins(counted: CountedColumn) -> Iterator[BinDocument]:
    for place, rows in enumerate(counted.bins):
        if counted.column.numeric:
            low, high = (decimal(edge, DIGITS) for edge in figures.edges(counted, place))
            yield BinDocument(name=None, low=low, high=high, rows=rows)
        else:
            yield BinDocument(name=counted.column.categories[place], low=None, high=None, rows=rows)
