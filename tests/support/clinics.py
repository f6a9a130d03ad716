"""Clinics that found a consortium by files: homes, a chain, and what travels between them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.passphrases import write_passphrase

from ledger.cli.main import fedledger
from ledger.config import Home
from ledger.errors import FedledgerError
from ledger.formats.digest import decode

NAMES = ("North clinic", "South clinic", "West clinic")


class Clinics:
    """Homes, a chain's node and the files that travel, in one folder."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.url = folder, url
        self.passphrase = write_passphrase(folder / "passphrase", "correct horse")

    def home(self, name: str) -> Home:
        return Home(self.folder / name)

    def file(self, name: str) -> Path:
        return self.folder / name

    def run(self, home: str, *words: Any, key: bool = True) -> dict[str, Any]:
        """A command in a party's home; what it said as JSON. Raises what it raised."""
        given = [str(self.folder / word) if str(word).endswith(".json") else str(word) for word in words]
        files = ["--passphrase-file", str(self.passphrase)] if key else []
        done = CliRunner().invoke(fedledger, [*given, *files, "--home", str(self.home(home).folder), "--json"])
        if done.exception is not None:
            raise done.exception
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def begin(self, *more: str) -> dict[str, Any]:
        invites = [word for name in NAMES[1:] for word in ("--invite", name)]
        founder = ("--name", "Three clinics", "--party", NAMES[0], "--output", str(self.folder))
        return self.run("north", "consortium", "new", *founder, *invites, "--rpc", self.url, "--light", *more)

    def join(self, home: str, file: str, *more: str) -> dict[str, Any]:
        answer = file.replace(".invite.", ".address.")
        return self.run(home, "join", file, "--light", "--output", answer, *more)

    def start(self, *files: str, more: tuple[str, ...] = ()) -> dict[str, Any]:
        output = ("--output", str(self.folder / "network.toml"))
        return self.run("north", "consortium", "start", *files, "--yes", *output, *more)

    def found(self) -> None:
        """All of it: three members, each joined."""
        self.begin("--delay-seconds", "0")
        self.join("south", "south-clinic.invite.json")
        self.join("west", "west-clinic.invite.json")
        self.start("south-clinic.address.json", "west-clinic.address.json")
        for home in ("south", "west"):
            self.run(home, "join", self.folder / "network.toml")

    def forge(self, name: str, kind: Any, change: Callable[[Any], Any]) -> str:
        """Another file beside one of these, changed, and not signed again."""
        content = change(decode((self.folder / name).read_bytes(), kind, name)).encode()
        (self.folder / f"forged-{name}").write_bytes(content)
        return f"forged-{name}"

    def refused(self, kind: type[FedledgerError], home: str, *words: Any) -> FedledgerError:
        with pytest.raises(kind) as told:
            self.run(home, *words)
        assert type(told.value) is kind
        assert told.value.advice, "every refusal says the way out"
        return told.value
