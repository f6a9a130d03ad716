"""An audit's report for others: under the auditor's own signature, and as a page of its own."""

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import click

if TYPE_CHECKING:
    from ledger.audit import Question
    from ledger.audit.report import Report
    from ledger.history.state import JobState
    from ledger.keys import Signer
    from ledger.party.connection import Connection
    from ledger.rounds.trace import Trace

    Lineages = Sequence[tuple[str, Trace]]

F = TypeVar("F", bound=Callable[..., Any])
PAGES = "fedledger.reports"
"""The group of entry points that draw a page of a report; `audit` takes report, lineages and language."""
LONGEST = 50
"""So many models of a lineage are on a page, the newest."""


def write_signed(report: "Report", signer: "Signer", output: Path) -> None:
    """Sign a report and write it, whole or not at all. Raises as `Signer.sign_typed_data`."""
    from ledger.audit.signed_report import SignedReport, to_sign
    from ledger.cli.streams import write_file

    text = report.to_json()
    signature = signer.sign_typed_data(*to_sign(report, text))
    made = SignedReport(
        fedledger="signed-report/1", signer=signer.address, signature="0x" + signature.hex(), report=text.decode()
    )
    write_file(output, [made.encode() + b"\n"])


class ReportPage(NamedTuple):
    """Where a report goes as a page, in which language, and what draws it."""

    path: Path
    language: str
    draw: "Callable[[Report, Lineages, str], bytes]"

    def write(self, connection: "Connection", report: "Report", question: "Question") -> None:
        """Write the page, whole or not at all."""
        from ledger.cli.streams import write_file

        write_file(self.path, [self.draw(report, _lineages(connection, question), self.language)])


def page_options(function: F) -> F:
    """--html and --language: passes `page`, None where none is wanted. What draws it is looked for first."""

    @click.option(
        "--html",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Also write the report as a page here: one file for people, with evidence, lineage and commands.",
    )
    @click.option(
        "--language", type=click.Choice(["en", "zh-Hant"]), default="en", show_default=True, help="That of the page."
    )
    @wraps(function)
    def with_page(*args: object, html: Path | None, language: str, **options: object) -> object:
        return function(*args, page=ReportPage(html, language, _drawer()) if html else None, **options)

    return cast("F", with_page)


def _drawer() -> "Callable[[Report, Lineages, str], bytes]":
    """What draws the page. Raises Unavailable where the extra is not installed."""
    from ledger.errors import Unavailable

    found = entry_points(group=PAGES, name="audit")
    try:
        drawer: Callable[[Report, Lineages, str], bytes] = next(iter(found)).load()
    except (StopIteration, ImportError) as error:
        problem = "what draws the page is not installed"
        raise Unavailable(problem, advice='pip install "fedledger[web]"') from error
    return drawer


def _lineages(connection: "Connection", question: "Question") -> "list[tuple[str, Trace]]":
    """The lineages of the models that a question is about; of those whose job's document can be had."""
    from contextlib import suppress

    from ledger.errors import FedledgerError
    from ledger.rounds.trace import trace

    made, history = [], connection.history
    for title, state, number in _models(connection, question):
        with suppress(FedledgerError):
            job, masks = connection.document(state), history.masks.get(state.number)
            made.append((title, trace(state, job, number, connection.name, LONGEST, masks)))
    return made


def _models(connection: "Connection", question: "Question") -> "Iterator[tuple[str, JobState, int]]":
    """Models by what each is called: the release that is asked about, every current one, or a job's latest."""
    from ledger.audit.claims import model_claim, release_claim

    jobs, current = connection.history.jobs, connection.history.decisions.current.values()
    if question.about == "release" and question.job is not None and question.round is not None:
        yield release_claim(question.name, question.version), jobs[question.job], question.round
        return
    if question.about == "all" and current:
        for one in current:
            yield release_claim(one.name, one.version), jobs[one.job], one.round
        return
    for number, state in jobs.items():
        if question.job in (None, number):
            asked = state.rounds.get(question.round) if question.round else None
            last = asked.number if asked and asked.final else state.latest if not question.round else 0
            if last:
                yield model_claim(number, last), state, last
