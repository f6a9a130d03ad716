"""What others call things cannot steer a terminal, feign a line or break a table: names, gateways, a job's text."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.consortia.synthetic import Trial

from ledger.cli.main import main
from ledger.cli.screen import shown

EVIL = "\x1b]0;owned\x07\x1b[2J[red]x[/red] [/] \x9b31m\r\nterms  1 rounds\u202e"
SAYABLE = "".join(sign for sign in EVIL if sign >= " ")
"""What of it a job's document can say."""


def run(capfd: pytest.CaptureFixture[str], *arguments: Any) -> str:
    """The command's output; it exits by SystemExit where it does not end well."""
    main([str(argument) for argument in arguments])
    return capfd.readouterr().out


def test_shown_is_one_line_of_plain_text() -> None:
    from rich.text import Text

    text = Text.from_markup(shown(EVIL)).plain
    assert text.isprintable()
    assert "[red]x[/red]" in text
    assert Text.from_markup(shown("ends in \\") + "[bold]x[/]").plain == "ends in \\x"


def test_hostile_members_and_jobs_are_shown_as_text(consortium: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with Trial(consortium, propose=False) as trial:
        task = msgspec.structs.replace(trial.job.task, settings={"rate": SAYABLE, "[/][bold]": True})
        trial.job = msgspec.structs.replace(trial.job, name="[/] [bold]job", task=task)
        trial.parties[0].connection.put([trial.job.encode()], "job")
        trial.propose()
        consortium.send(1, "consortium", "announce", EVIL)
        home: Path = consortium.members[0].home.folder
        for command in (("status",), ("job", "list"), ("job", "show", "1"), ("node", "status"), ("trace",)):
            out = run(capfd, *command, "--home", home)
            assert "\x1b" not in out
            assert "\x9b" not in out
            assert "\u202e" not in out
            assert not any(line.startswith("terms  1 rounds") for line in out.splitlines())
            document = run(capfd, *command, "--home", home, "--json")
            assert json.loads(document)
        assert "[/] [bold]job" in run(capfd, "job", "list", "--home", home)
        assert consortium.members[2].address in run(capfd, "status", "--home", home), "no key is cut"


def test_an_impossible_gateway_on_the_ledger_stops_nobody(consortium: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with Trial(consortium) as trial:
        consortium.send(3, "consortium", "announce", "http://[")
        home: Path = consortium.members[0].home.folder
        trial.parties[1].connection.refresh()
        assert trial.parties[1].connection.document(trial.state).name == "synthetic"
        for command in (("status",), ("job", "show", "1"), ("trace",)):
            run(capfd, *command, "--home", home, "--json")
