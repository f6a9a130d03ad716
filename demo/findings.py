"""An audit's findings, as the demo says them."""

import re
from typing import Any


def coloured(verdict: str) -> str:
    """A verdict in its colour."""
    return f"[bold {({'VERIFIED': 'green', 'REFUTED': 'red'}).get(verdict, 'yellow')}]{verdict}[/]"


def describe(finding: dict[str, Any]) -> list[str]:
    """A finding in two lines: what, and the evidence. Keys are left to the report."""
    from rich.markup import escape

    fields = ("culprit", "holder", "party", "round", "attempt", "tensor", "chunk", "value", "expected", "actual", "cid")
    facts = [f"{name} {finding[name]}".split(" (0x")[0] for name in fields if finding.get(name) is not None]
    message = re.sub(r" \(0x[0-9a-fA-F]{40}\)", "", finding["message"].splitlines()[0])
    return [f"[bold]{finding['status']}[/]: {escape(message)}", f"  [dim]{escape(', '.join(facts))}[/]"]
