"""An audit's answers, as the demo says them."""

import re
from collections.abc import Iterator
from typing import Any

COLOURS = {"yes": "green", "no": "red", "unknown": "yellow"}
_FACTS = ("round", "attempt", "fault", "holder", "party", "tensor", "chunk", "value", "expected", "actual", "cid")


def coloured(answer: str) -> str:
    """An answer in its colour."""
    return f"[bold {COLOURS[answer]}]{answer}[/]"


def told(report: dict[str, Any]) -> str:
    """The lies of a report in a few words."""
    lies = report["lies"]
    count = len(lies["list"])
    return "nobody lied" if not count else f"{count} {'lie' if count == 1 else 'lies'}, {lies['answer']}"


def describe(report: dict[str, Any]) -> Iterator[str]:
    """Each lie, and each open matter, in two lines: what, and where. Keys are left to the report."""
    for lie in report["lies"]["list"]:
        yield from _lines(f"{lie['state']} lie of [bold]{_plain(lie['who'])}[/]", lie["why"], lie)
    for one in report["open"]["list"]:
        if one["check"] in report["skipped"]:
            continue
        yield from _lines(f"open: {_plain(one['what'])}", one["why"], one)


def _lines(what: str, why: str, detail: dict[str, Any]) -> Iterator[str]:
    yield f"{what}: {_plain(why.splitlines()[0])}"
    facts = [f"{name} {detail[name]}" for name in _FACTS if detail.get(name) is not None]
    if facts:
        yield f"  [dim]{_plain(', '.join(facts))}[/]"


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(re.sub(r" \(0x[0-9a-fA-F]{40}\)", "", text))
