"""Bars: one at a time, gone when their work is done; lines where no terminal is, and nothing where it is quick."""

import subprocess
import sys

import pytest
from rich.progress import Progress

from ledger.cli.progress import LINES, Bars, Lines, Unit, bar, bars


def test_a_new_bar_replaces_the_one_before_and_one_that_is_done_goes() -> None:
    drawing = Progress(disable=True)
    shown = Bars(drawing)
    late = shown.meter("one", 10)
    assert [task.description for task in drawing.tasks] == ["one"]
    advance = shown.meter("two", 10)
    assert [(task.description, task.total) for task in drawing.tasks] == [("two", 10)]
    late(10)
    advance(4)
    assert drawing.tasks[0].completed == 4
    advance(6)
    assert drawing.tasks == []


def test_a_bar_without_an_end_stays() -> None:
    drawing = Progress(disable=True)
    Bars(drawing).meter("reading", None)(100)
    assert drawing.tasks[0].total is None


def test_lines_are_said_where_no_bar_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    with bars(quiet=True) as shown:
        shown.meter("round 1", 10)(10)
        shown.say("round 1 opened")
    assert capsys.readouterr().out == "round 1 opened\n"


def test_without_a_terminal_rich_is_not_loaded() -> None:
    code = "import sys\nfrom ledger.cli.progress import bar\nwith bar('adding', 10) as advance: advance(10)\n"
    code += "print('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("False", "")


@pytest.mark.parametrize(
    ("unit", "size", "lines"),
    [
        ("bytes", 40_000_000, ["work: 25 % of 40 MB, 2 MB/s", "work: 75 % of 40 MB, 3 MB/s"]),
        ("bytes", None, ["work: 10 MB, 2 MB/s", "work: 30 MB, 3 MB/s"]),
        ("steps", 40_000_000, ["work: 10000000 of 40000000 steps", "work: 30000000 of 40000000 steps"]),
        ("steps", 0, ["work: 10000000 steps", "work: 30000000 steps"]),
    ],
)
def test_work_that_takes_long_says_a_line_every_few_seconds(
    capsys: pytest.CaptureFixture[str], unit: Unit, size: int | None, lines: list[str]
) -> None:
    clock = iter([0.0, LINES, LINES + 0.1, 2 * LINES])
    advance = Bars(None, Lines(unit, lambda: next(clock))).meter("work", size)
    for _ in range(3):
        advance(10_000_000)
    told = capsys.readouterr()
    assert (told.out, told.err.splitlines()) == ("", lines)


def test_a_bar_on_a_terminal_is_drawn_and_removed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with bar("training", 4, unit="steps") as advance:
        advance(1)
    assert capsys.readouterr().out == ""
