"""An audit's answers as people read them."""

from types import SimpleNamespace
from typing import Any

from rich.console import Console

from ledger.audit.report import ClaimAnswer, Right
from ledger.cli import answers


def test_why_a_claim_is_not_right_is_one_line_without_the_facts_below_it() -> None:
    why = "it could not be had: no holder returned block x\n  block: x\n  holders: North"
    right = Right("unknown", (ClaimAnswer(claim="job 1", answer="unknown", why=why),))
    console = Console(width=80, record=True, quiet=False)
    report: Any = SimpleNamespace(right=right)
    answers._print_right(console, report)
    lines = console.export_text().splitlines()
    assert lines[-1] == "  ? job 1: it could not be had: no holder returned block x"
