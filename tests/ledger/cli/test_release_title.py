"""A release is NAME@VERSION or NAME VERSION, to every command that takes one."""

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ledger.cli.main import fedledger
from ledger.cli.releases.title import title

EXACT = [
    ("release", "propose", "3"),
    ("release", "revoke", "--reason", "wrong"),
    ("release", "rollback"),
    ("release", "verify"),
]
OPEN = [("release", "fetch"), ("release", "show"), ("audit", "--release")]


@pytest.mark.parametrize("words", [("heart@1.0.0",), ("heart", "1.0.0")])
def test_one_word_and_two_are_the_same(words: tuple[str, ...]) -> None:
    assert title(words) == title(words, exact=True) == "heart@1.0.0"


@pytest.mark.parametrize("words", [("heart@1", "2"), ("heart", "1", "2")])
def test_more_than_a_release_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError):
        title(words)


def test_a_name_alone_is_the_current_release_where_that_will_do() -> None:
    assert title(("heart",)) == "heart"
    with pytest.raises(click.UsageError, match="version too"):
        title(("heart",), exact=True)


@pytest.mark.parametrize("words", [("heart@1.0.0",), ("heart", "1.0.0")])
@pytest.mark.parametrize("command", EXACT + OPEN, ids=[" ".join(words) for words in EXACT + OPEN])
def test_every_command_takes_both(command: tuple[str, ...], words: tuple[str, ...], tmp_path: Path) -> None:
    """It goes on to the home, which is not there; a release that is wrongly named is refused before."""
    home = ("--home", str(tmp_path / "none"))
    result = CliRunner().invoke(fedledger, [*command, *words, *home])
    assert re.search("has no key|no home here", str(result.exception)), result.output
    refused = CliRunner().invoke(fedledger, [*command, "heart@1", "2", *home])
    assert refused.exit_code == 2
    assert "not one" in refused.output


@pytest.mark.parametrize("command", EXACT, ids=[" ".join(words) for words in EXACT])
def test_a_vote_is_never_about_whichever_is_current(command: tuple[str, ...], tmp_path: Path) -> None:
    home = ("--home", str(tmp_path / "none"))
    result = CliRunner().invoke(fedledger, [*command, "heart", *home])
    assert ("version too" in result.output) != (command[1] == "verify"), "one word is the folder to verify"
