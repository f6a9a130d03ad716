"""`fedledger edge`: what its commands refuse, and a page whose commands are ones that there are."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from support.passphrases import write_passphrase

from ledger.cli.main import fedledger, main
from ledger.formats.edges.members import parse
from participant.edge.collected import EdgeFolder

PAGE = Path(__file__).parents[3] / "docs" / "edges.md"
ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
OTHER = "0xdc64a140aa3e981100a9beca4e685f962f0cf6c9"


def run(*words: Any) -> int:
    """The exit code of a command."""
    try:
        main([str(word) for word in words])
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with a key, made as its page says."""
    secret = write_passphrase(tmp_path / "passphrase", "correct horse")
    folder = tmp_path / "home"
    assert run("edge", "client", "new", "--light", "--passphrase-file", secret, "--home", folder) == 0
    return folder


def test_a_list_is_published_under_its_digest(home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("edge", "init", "--home", home) == 0
    named = tmp_path / "clients.txt"
    named.write_text(f"# wards\n{OTHER}\n\n")
    capfd.readouterr()
    assert run("edge", "members", ADDRESS, ADDRESS, "--file", named, "--home", home, "--json") == 0
    made = json.loads(capfd.readouterr().out)
    listed = parse((home / "edge" / "members.json").read_bytes())
    assert made["digest"] == listed.digest.hex()
    assert made["members"] == list(listed.members)
    assert len(listed.members) == 2
    assert run("edge", "members", "--home", home, "--json") == 0
    assert json.loads(capfd.readouterr().out) == made


def test_homes_that_are_not_ready_say_what_to_do(home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for words, advice in (
        (("edge", "init", "--home", tmp_path / "nothing"), "node init"),
        (("edge", "members", ADDRESS, "--home", home), "edge init"),
        (("edge", "client", "proof", "--edge", "http://127.0.0.1:1", "--round", 1, "--home", tmp_path), "client new"),
    ):
        assert run(*words) == 2
        assert advice in capfd.readouterr().err


@pytest.mark.parametrize("address", ["0x12", "me", ADDRESS.lower()[:-1] + "G", ADDRESS.replace("F", "f")])
def test_what_is_not_an_address_is_on_no_list(home: Path, address: str, capfd: pytest.CaptureFixture[str]) -> None:
    EdgeFolder(home).make()
    assert run("edge", "members", address, "--home", home) == 2
    assert not (home / "edge" / "members.json").exists()
    assert "a client's key" in capfd.readouterr().err


def test_a_client_without_a_key_or_data_is_told(home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    common = ("--edge", "http://127.0.0.1:1", "--data", tmp_path / "none.csv")
    assert run("edge", "client", "run", *common, "--home", tmp_path / "nothing") == 2
    assert "edge client new" in capfd.readouterr().err
    assert run("edge", "client", "run", *common, "--home", home) == 2
    assert "no such data file" in capfd.readouterr().err


def test_a_key_is_never_overwritten(home: Path, tmp_path: Path) -> None:
    before = (home / "keystore.json").read_bytes()
    assert run("edge", "client", "new", "--passphrase-file", tmp_path / "passphrase", "--home", home) == 2
    assert (home / "keystore.json").read_bytes() == before


def test_a_file_that_is_no_proof_is_named_with_the_command_that_takes_it(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "kept.json"
    check = ("edge", "check", file, "--round", 1, "--home", home)
    assert run(*check) == 2
    assert "cannot read the proof" in capfd.readouterr().err
    file.write_text('{"chain":1,"fedledger":"edge-receipt/1"}')
    assert run(*check) == 2
    assert f"fedledger audit --edge-receipt {file}" in capfd.readouterr().err
    file.write_text('{"child":{},"fedledger":"child-proof/1","path":[],"place":0}')
    assert run(*check) == 2
    assert "fedledger edge client proof --out FILE" in capfd.readouterr().err


def commands() -> list[str]:
    """The commands of the page's examples."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("fedledger")]


@pytest.mark.parametrize("line", commands())
def test_the_pages_commands_are_ones_that_there_are(line: str) -> None:
    """Each word is a command, an option of it, or a value: files that the page speaks of are not there."""
    words, command = shlex.split(line)[1:], fedledger
    context = click.Context(fedledger)
    found: click.Command = command
    while isinstance(found, click.Group):
        named = found.get_command(context, words[0])
        assert named is not None, line
        found, words = named, words[1:]
    _, left, _ = found.make_parser(click.Context(found)).parse_args(args=list(words))
    assert left == []
