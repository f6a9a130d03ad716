"""An audit's answers as people read them."""

from types import SimpleNamespace
from typing import Any

from rich.console import Console

from ledger.audit.report import Check, ClaimAnswer, Open, Right
from ledger.cli import answers


def test_why_a_claim_is_not_right_is_one_line_without_the_facts_below_it() -> None:
    why = "it could not be had: no holder returned block x\n  block: x\n  holders: North"
    right = Right("unknown", (ClaimAnswer(claim="job 1", answer="unknown", why=why),))
    console = Console(width=80, record=True, quiet=False)
    report: Any = SimpleNamespace(right=right)
    answers._print_right(console, report)
    lines = console.export_text().splitlines()
    assert lines[-1] == "  ? job 1: it could not be had: no holder returned block x"


def test_files_that_nobody_served_have_a_way_out() -> None:
    missing = Open(
        what="job 1", check=Check.BYTES, why="it could not be had: no holder returned block x", touches=("job 1",)
    )
    console = Console(width=120, record=True, quiet=False)
    report: Any = SimpleNamespace(open=SimpleNamespace(list=(missing,)))
    answers._print_open(console, report)
    assert "ask one to serve it (fedledger node run), or audit from its --home" in console.export_text()
