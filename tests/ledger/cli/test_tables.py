"""Tables on real terminals of several widths: nothing is wider than the terminal, and nothing is lost in silence."""

import sys
from typing import Any

import pytest
from support.command import PROGRAM, fedledger, play
from support.consortia.synthetic import Trial
from support.terminal import on_terminal

from ledger.cli.tables import fitted, middle

KEY = "0x" + "0123456789abcdef" * 4
SHOW = f"""
from ledger.cli.tables import print_facts, print_table
row = ("1", "Hospital of the north", "{KEY}", "participant, scorer")
print_table(("no.", "member", "key", "roles"), [row], short=(2,))
print_facts({{"key": "{KEY}", "terms": "ten rounds of ten minutes each, and then some more words to wrap"}})
"""
WIDTHS = (60, 80, 120)


def test_a_long_value_has_an_ellipsis_in_its_middle() -> None:
    assert middle(KEY, 13) == "0x0123…abcdef"
    assert middle("short", 13) == "short"
    assert len(middle(KEY, 5)) == 5


def test_narrow_columns_grow_first_and_those_to_shorten_last() -> None:
    assert fitted([3, 10, 13], [3, 30, 66], 100) == [3, 30, 66]
    assert fitted([3, 10, 13], [3, 30, 66], 50, short=(2,)) == [3, 30, 17]
    assert fitted([3, 10, 13], [3, 30, 66], 30, short=(2,)) == [3, 14, 13]
    assert fitted([3, 10, 13], [3, 30, 66], 25) is None


@pytest.mark.parametrize("columns", [30, *WIDTHS])
def test_a_table_is_as_wide_as_the_terminal(columns: int) -> None:
    """Where even short values do not fit beside each other, each row is a few lines."""
    said = on_terminal([sys.executable, "-c", SHOW], columns)
    lines = [line.rstrip() for line in said.splitlines()]
    assert max(map(len, lines)) <= columns
    assert ("…" in said) == (columns in (60, 80)), said
    assert KEY in said.replace("\n", "").replace(" ", ""), "facts wrap, and are not shortened"
    assert ("member" in lines[0]) == (columns > 30), said


def test_records_leave_out_what_is_empty() -> None:
    show = f"""
from ledger.cli.tables import print_table
print_table(("column", "least", "key", "other"), [("age", "-", "{KEY}", "{KEY}"), ("ward", "7", "{KEY}", "{KEY}"),
    ("sex", "", "{KEY}", "{KEY}")])
"""
    lines = [line.split() for line in on_terminal([sys.executable, "-c", show], 40).splitlines()]
    assert [line[0] for line in lines if line and line[0] in ("column", "least")] == [
        "column",
        "column",
        "least",
        "column",
    ]


@pytest.fixture
def home(consortium: Any) -> Any:
    with Trial(consortium) as trial:
        play(trial)
        yield consortium.members[0].home.folder


def test_status_and_trace_fit_every_terminal_and_are_whole_elsewhere(home: Any, consortium: Any) -> None:
    keys = [member.address for member in consortium.members]
    for command in (("status",), ("trace",), ("job", "list"), ("node", "status")):
        words = [*PROGRAM, *command, "--home", str(home)]
        for columns in WIDTHS:
            lines = on_terminal(words, columns).splitlines()
            if command != ("node", "status"):
                assert max(len(line.rstrip()) for line in lines) <= columns, "\n".join(lines)
        piped = fedledger(*command, "--home", home).stdout
        assert "…" not in piped
        if command != ("node", "status"):
            wide = on_terminal([*words, "--wide"], 60)
            assert [line.split() for line in wide.splitlines()] == [line.split() for line in piped.splitlines()]
    assert all(key in fedledger("status", "--home", home).stdout for key in keys)


def test_a_job_has_its_name_and_a_round_its_deadline(consortium: Any) -> None:
    with Trial(consortium) as trial:
        consortium.send(0, "ledger", "openRound", trial.number)
        for columns in WIDTHS:
            said = on_terminal([*PROGRAM, "status", "--home", str(consortium.members[0].home.folder)], columns)
            assert "synthetic" in said
            assert "s left" in " ".join(said.split()), said
