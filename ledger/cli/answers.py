"""An audit's report for people: the three answers first, then what was checked."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ledger.cli.screen import shown
from ledger.cli.tables import print_table
from ledger.formats.text import command, plural

if TYPE_CHECKING:
    from rich.console import Console

    from ledger.audit.report import Check, Detail, HistoryRead, Lie, Open, Report

_ANSWERS = {"yes": "[bold green]yes[/]", "no": "[bold red]no[/]", "unknown": "[bold yellow]unknown[/]"}
_MARKS = {"yes": "[green]✓[/]", "no": "[red]✗[/]", "unknown": "[yellow]?[/]"}
_STATES = {
    "standing": "[bold red]standing[/]: the ledger took it as true",
    "pending": "[bold yellow]pending[/]: it is being attested",
    "caught": "[bold green]caught[/]: the members did not take it, and nothing rests on it",
}
_FACTS = (
    "round",
    "attempt",
    "party",
    "holder",
    "cid",
    "stream",
    "tensor",
    "chunk",
    "value",
    "expected",
    "actual",
    "tx",
)


def print_answers(console: "Console", report: "Report", asked: str) -> None:
    """The report; `asked` is the question in words."""
    console.print(shown(headline(report, asked)), soft_wrap=True, style="bold")
    console.print(f"Audit of [bold]{shown(report.network)}[/] (chain {report.chain}): {shown(asked)}", soft_wrap=True)
    for line in _history(report.history):
        console.print(f"[dim]{shown(line)}[/]", soft_wrap=True)
    _print_right(console, report)
    _print_lies(console, report)
    _print_open(console, report)
    _print_platforms(console, report)
    console.print()
    _print_checks(report)


def headline(report: "Report", asked: str) -> str:
    """The three answers in one line."""
    lies, open_ = report.lies, report.open
    told = f"{plural(len(lies.list), 'lie')} {lies.answer}" if lies.list else "nobody lied"
    if len({lie.state for lie in lies.list}) > 1:
        told = f"{plural(len(lies.list), 'lie')}, the worst {lies.answer}"
    left = f"{plural(len(open_.list), 'matter')} open" if open_.list else "nothing open"
    notes = "".join(f"; {one.note}" for one in report.right.claims if one.claim == asked and one.note)
    return f"{asked}: {report.right.answer}{notes}; {told}; {left}; block {report.history.block}"


def _history(read: "HistoryRead") -> Iterator[str]:
    yield f"block {read.block} ({read.hash}), {plural(read.age, 'second')} old, {plural(read.events, 'event')}"
    if read.signed is None:
        yield "no signed head covers them: they are the word of the node that was asked"
    else:
        by = f"{len(read.signed.members)} of {read.signed.of}"
        yield f"signed to block {read.signed.as_of} by {by}, {plural(read.after, 'event')} after it"
    yield f"what the contracts keep: {read.storage}; receipts: {read.receipts}; seals: {read.seals}"
    for one in read.endpoints[1:]:
        says = {True: "the same block", False: "another block", None: "does not say"}[one.same]
        yield f"{one.url}: {says}"


def _print_right(console: "Console", report: "Report") -> None:
    claims = report.right.claims
    wrong = [one for one in claims if one.answer != "yes"]
    right = f"{len(claims) - len(wrong)} of {plural(len(claims), 'claim')} right"
    console.print(f"\nIs it right?    {_ANSWERS[report.right.answer]}: {right}")
    for one in wrong:
        given = f" (given what it rests on: {one.given_base})" if one.given_base else ""
        why = (one.why or one.answer).splitlines()[0]  # its facts stand with the matter or the lie
        says = f"{shown(one.claim)}: {shown(why)}{given}"
        console.print(f"  {_MARKS[one.answer]} {says}", soft_wrap=True)
    for one in claims:
        if one.note:
            console.print(f"  [cyan]![/] {shown(one.claim)}: {shown(one.note)}", soft_wrap=True)


def _print_lies(console: "Console", report: "Report") -> None:
    told = report.lies.list
    colour = {"none": "green", "caught": "green", "pending": "yellow", "standing": "red"}[report.lies.answer]
    counts = [(state, sum(lie.state == state for lie in told)) for state in _STATES]
    words = ", ".join(f"{plural(count, 'lie')} {state}" for state, count in counts if count) or "nobody"
    console.print(f"\nWho lied?       [bold {colour}]{words}[/]")
    for lie in told:
        _print_lie(console, lie)


def _print_lie(console: "Console", lie: "Lie") -> None:
    why, *details = lie.why.splitlines()
    console.print(f"  [red]✗[/] [bold]{shown(lie.who)}[/] said {shown(lie.said)}: {shown(why)}", soft_wrap=True)
    for detail in details:
        console.print(f"      [dim]{shown(detail.strip())}[/]", soft_wrap=True)
    console.print(f"    {_STATES[lie.state]}", soft_wrap=True)
    _print_facts(console, lie)
    said = f"{lie.evidence.statement} under the signature of {lie.key}"
    console.print(f"    evidence {shown(said)}", soft_wrap=True)


def _print_open(console: "Console", report: "Report") -> None:
    from ledger.store.holders import is_missing

    count = plural(len(report.open.list), "matter") if report.open.list else "nothing"
    console.print(f"\nWhat is open?   [bold]{count}[/]")
    for one in report.open.list:
        why, *details = one.why.splitlines()
        mark = "[yellow]?[/]" if one.touches else "[cyan]![/]"
        console.print(f"  {mark} {shown(one.what)}: {shown(why)}", soft_wrap=True)
        for detail in details:
            console.print(f"      [dim]{shown(detail.strip())}[/]", soft_wrap=True)
        _print_fault(console, one)
        _print_facts(console, one)
    if any(one.touches and is_missing(one.why) for one in report.open.list):
        way = command("node", "run")
        said = f"  Members keep what is missing here: ask one to serve it ({way}), or audit from its --home."
        console.print(said, soft_wrap=True)


def _print_platforms(console: "Console", report: "Report") -> None:
    """Notices: no answer rests on them."""
    if report.platforms:
        console.print(f"\nOn which hardware? [bold]{plural(len(report.platforms), 'document')}[/] on record")
    for one in report.platforms:
        mark = {"right": "[green]✓[/]", "wrong": "[red]✗[/]", "not looked at": "[cyan]![/]"}[one.answer]
        says = f"{one.party}, job {one.job}, round {one.round}: {one.sort}, {one.answer}: {one.why}"
        console.print(f"  {mark} {shown(says)} [dim]{one.sha256}[/]", soft_wrap=True)


def _print_fault(console: "Console", one: "Open") -> None:
    if one.fault:
        console.print(f"    [bold]fault[/]    {shown(one.fault)}", soft_wrap=True)
    if one.touches:
        console.print(f"    touches  {shown(', '.join(one.touches))}", soft_wrap=True)
    if one.signed_for:
        console.print(f"    signed for by {shown(', '.join(one.signed_for))}", soft_wrap=True)


def _print_facts(console: "Console", detail: "Detail") -> None:
    for name in _FACTS:
        value = getattr(detail, name)
        if value is not None:
            console.print(f"    {name:<9}{shown(str(value))}", soft_wrap=True)


def _print_checks(report: "Report") -> None:
    from ledger.audit.report import Check

    rows = [(str(check.value), _mark(report, check), check.title, _held(report, check)) for check in Check]
    print_table(("", "", "check", "held"), rows, right=(3,))


def _mark(report: "Report", check: "Check") -> str:
    if any(lie.check is check for lie in report.lies.list):
        return "[red]✗[/]"
    open_ = [one for one in report.open.list if one.check is check]
    if open_:
        return "[yellow]?[/]" if any(one.touches for one in open_) else "[cyan]![/]"
    return "[green]✓[/]" if report.passed.get(check) else "[dim]–[/]"


def _held(report: "Report", check: "Check") -> str:
    if report.passed.get(check):
        return str(report.passed[check])
    if any(one.check is check for one in (*report.lies.list, *report.open.list)):
        return "0"
    return f"[dim]{'nothing to check' if check in report.passed else 'not made'}[/]"
