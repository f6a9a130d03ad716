"""The next command, in one message: what is in the home decides which, and a shell takes it as it stands."""

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from ledger.cli.main import fedledger
from ledger.errors import FedledgerError
from ledger.formats.text import command
from ledger.keys import create

NEEDS_A_NETWORK = [
    *("status", "trace", "scores", "audit", "job list", "job show 1", "job approve 1", "proposal list"),
    *("proposal show 1", "proposal close 1", "proposal execute 1", "proposal vote 1 for", "proposal cancel 1"),
    *("proposal propose close-job 1", "release list", "release show heart", "release fetch heart 1", "keys rotate"),
    *("release propose 3 heart 1", "release revoke heart 1 --reason wrong", "release verify heart 1", "node run"),
    *("node status", "node submit", "node evaluate", "aggregator run", "aggregator status", "aggregator preview"),
    f"keys recover 1 0x{'7' * 40}",
]
NEEDS_A_KEY = ["job create {file}"]


def ended(words: list[str], home: Path) -> FedledgerError:
    error = CliRunner().invoke(fedledger, [*words, "--home", str(home)]).exception
    assert isinstance(error, FedledgerError), (words, error)
    return error


@pytest.mark.parametrize("words", NEEDS_A_NETWORK + NEEDS_A_KEY)
def test_where_there_is_no_home_one_is_made_first(words: str, tmp_path: Path) -> None:
    home, file = tmp_path / "no home", tmp_path / "a file"
    file.touch()
    error = ended([word.format(file=file) for word in words.split(" ")], home)
    assert (error.exit_code, shlex.split(error.advice)) == (2, ["fedledger", "node", "init", "--home", str(home)])
    assert not home.exists(), "and nothing is left there"


@pytest.mark.parametrize("words", ["join", "node join"])
def test_a_file_that_joins_nothing_is_told_before_a_key_is_made(words: str, tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    error = ended([*words.split(" "), str(tmp_path / "a file")], tmp_path / "no home")
    assert (error.exit_code, "this is not a network file" in error.message) == (2, True)
    assert not (tmp_path / "no home").exists()


@pytest.mark.parametrize("words", NEEDS_A_NETWORK)
def test_where_there_is_a_key_a_network_is_joined(words: str, tmp_path: Path) -> None:
    home = tmp_path / "a home"
    create(home / "keystore.json", "secret", light=True)
    error = ended(words.split(" "), home)
    assert (error.exit_code, shlex.split(error.advice)[1:4]) == (2, ["node", "join", "NETWORK.toml"])


def test_a_path_with_spaces_is_quoted() -> None:
    assert command("job", "propose", Path("my jobs/it's.json")) == "fedledger job propose 'my jobs/it'\"'\"'s.json'"


NEEDS_A_FOUNDING = ["invite South", "consortium show", "consortium start", "consortium add {file}"]


@pytest.mark.parametrize("words", NEEDS_A_FOUNDING)
@pytest.mark.parametrize("key", [False, True], ids=["no home", "a key"])
def test_where_nothing_is_founded_a_founding_begins(words: str, key: bool, tmp_path: Path) -> None:
    home, file = tmp_path / "a home", tmp_path / "a file"
    file.touch()
    if key:
        create(home / "keystore.json", "secret", light=True)
    error = ended([word.format(file=file) for word in words.split(" ")], home)
    assert (error.exit_code, shlex.split(error.advice)[1:3]) == (2, ["consortium", "new"])


@pytest.mark.parametrize(
    ("file", "following"), [("founding.json", ["consortium", "show"]), ("address.json", ["join", "NETWORK.toml"])]
)
@pytest.mark.parametrize("words", ["node run", "status", "job list"])
def test_between_an_invite_and_the_network_the_next_step_is_said(
    words: str, file: str, following: list[str], tmp_path: Path
) -> None:
    create(tmp_path / "keystore.json", "secret", light=True)
    (tmp_path / file).touch()
    error = ended(words.split(" "), tmp_path)
    assert (error.exit_code, shlex.split(error.advice)[1:3]) == (2, following)
