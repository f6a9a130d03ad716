"""An audit's report as one page that needs nothing: no script, no server, no address. For a screen and for paper."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ledger.audit.claims import place_of
from ledger.audit.report import ClaimAnswer, Report
from ledger.chain.evidence.check import false_if
from ledger.events.evidence import SignedStatement
from ledger.formats.text import command, json_text
from ledger.rounds.trace import Trace
from web.drawing.assets import STATIC
from web.drawing.render import Renderer
from web.reading.audits.last import check_lines

NETWORK = ("--network", "NETWORK.toml")
SHOWN = 200
"""So many claims, lies, matters and statements of each kind are on the page; the JSON in it has all."""
LONGEST = 20_000
"""Digits of a raw transaction, at most, on the page: a relayer may carry hundreds of votes in one."""


class ShownStatement(NamedTuple):
    """A signed statement, its arguments with those of structs one by one, and what would make it false."""

    said: SignedStatement
    arguments: tuple[tuple[str, str], ...]
    false_if: str


class ClaimCommand(NamedTuple):
    """A claim's answer, and the command that computes it again."""

    answer: ClaimAnswer
    command: str


def draw(report: Report, lineages: Sequence[tuple[str, Trace]], language: str) -> bytes:
    """The page. `lineages` are models with what each is called, a release or a round."""
    text = report.to_json()
    (what, which), *_ = report.asked.items()
    claims = sorted(report.right.claims, key=lambda one: one.answer == "yes")
    return Renderer().fresh(
        "audit_report.html",
        language,
        report=report,
        asked="" if what == "all" else f"{what} {which}",
        style=_style(),
        claims=[ClaimCommand(one, again(one.claim)) for one in claims[:SHOWN]],
        lies=[(one, shown(one.evidence)) for one in report.lies.list[:SHOWN]],
        matters=report.open.list[:SHOWN],
        statements=[shown(one) for one in report.rests_on[:SHOWN]],
        checks=check_lines(report),
        lineages=lineages,
        commands=_commands(what, str(which)),
        most=SHOWN,
        longest=LONGEST,
        json=b64encode(text).decode(),
    )


def again(claim: str) -> str:
    """The command that asks about a claim alone; about everything where it has no question of its own."""
    job, number, _ = place_of(claim)
    if claim.startswith("release "):
        return command("audit", "--release", claim.removeprefix("release "), *NETWORK)
    if number is not None:
        return command("audit", "--model" if claim.startswith("model ") else "--round", f"{job}/{number}", *NETWORK)
    return command("audit", *(("--job", job) if job is not None else ()), *NETWORK)


def shown(statement: SignedStatement) -> ShownStatement:
    """A statement as the page shows it."""
    return ShownStatement(statement, tuple(_flat("", statement.arguments)), false_if(statement))


def _flat(before: str, arguments: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in arguments.items():
        if isinstance(value, Mapping):
            yield from _flat(f"{before}{name}.", value)
        else:
            yield before + name, value if isinstance(value, str) else json_text(value)


def _commands(what: str, which: str) -> list[str]:
    """What does it all again, and what reads this page's own evidence."""
    asked = () if what == "all" else (f"--{what}", which)
    made = [command("audit", *asked, *NETWORK), command("evidence", "check", "report.json", *NETWORK)]
    if what == "release":
        made.append(command("release", "verify", which, *NETWORK))
    return made


def _style() -> str:
    """The pages' own style, without what only a server's pages have."""
    return re.sub(r"/\*.*?\*/\s*", "", (STATIC / "style.css").read_text(encoding="utf-8"), flags=re.DOTALL)
