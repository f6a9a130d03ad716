"""The demo's screen in a terminal: what scrolls out of the live part is printed above it, once, in order."""

from io import StringIO

import pytest
from rich.console import Console

from demo.screen import RECENT, DemoScreen


def test_what_leaves_the_live_part_stays_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    console, kept = Console(file=StringIO(), force_terminal=True, width=100), list[str]()
    printed = console.print
    monkeypatch.setattr(console, "print", lambda *told, **how: (kept.extend(map(str, told)), printed(*told, **how))[1])
    with DemoScreen(console, str, live=True) as screen:
        for number in range(RECENT + 3):
            screen.say(f"line {number}")
    lines = [text.rpartition("  ")[2] for text in kept if "line" in text]
    assert lines == ["line 0", "line 1", "line 2"]
    assert [text.rpartition("  ")[2] for text in screen._recent] == [f"line {n}" for n in range(3, RECENT + 3)]
