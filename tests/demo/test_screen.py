"""The demo's screen in a terminal: what scrolls out of the live part is printed above it, once, in order; what a demo
that is kept says of itself.
"""

import signal
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from demo.cli import _keep
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


def test_a_demo_that_is_kept_says_how_it_is_brought_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "pause", lambda: None)
    console = Console(file=StringIO(), width=80)
    local = SimpleNamespace(anvil=SimpleNamespace(url="http://127.0.0.1:8545", port=8545))
    parties = SimpleNamespace(local=local, restart_ended=lambda: None)
    play: Any = SimpleNamespace(parties=parties, stage=SimpleNamespace(folder=Path("demo")), pages=None)
    _keep(console, play)
    said = console.file.getvalue()
    assert "fedledger up --state demo/chain.json --port 8545\n" in said
    assert "fedledger web run --home demo/hospital-1\n" in said
