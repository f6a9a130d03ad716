"""The consortium's pages while the demo plays: a server that also relays what members sign."""

import json
import secrets
import time

from demo.parties import Parties
from demo.standstill import POLL, Standstill
from ledger import keys
from ledger.config import Home


class Pages:
    """`fedledger web run` over the demo's network file, with a relayer's key made for it; one of the lasting processes.

    Port 0 takes a free one. The access log is the folder's access.jsonl.
    """

    def __init__(self, parties: Parties, port: int) -> None:
        self.stage = stage = parties.stage
        home = Home(stage.folder / "web")
        home.folder.mkdir(mode=0o700)
        passphrase, keystore = home.folder / "passphrase", home.folder / "relayer.json"
        passphrase.touch(mode=0o600)
        passphrase.write_text(secrets.token_urlsafe(24) + "\n")
        keys.create(keystore, passphrase.read_text().strip(), light=True)
        self._printed = home.folder / "address.json"
        options = ("--port", str(port), "--network", parties.local.network_file, "--home", home.folder, "--json")
        log = ("--access-log", stage.folder / "access.jsonl")
        relayer = ("--relayer", keystore, "--relayer-passphrase-file", passphrase)
        self._process = stage.spawn("web", "web", "run", *options, *log, *relayer, output=self._printed)
        stage.lasting["web"] = self._process

    def announce(self) -> None:
        """Wait until the server listens, and say where. Raises Unavailable where it ended or takes too long."""
        patience = Standstill(self.stage.patience, self._process.signs)
        while not self.url:
            self._process.check()
            patience.check("the pages are not served", said=self._process.tail())
            time.sleep(POLL)
        self.stage.screen.say(f"the pages are at {self.url}")

    @property
    def url(self) -> str:
        """Where the pages are; empty until the server listens."""
        text = self._printed.read_text() if self._printed.exists() else ""
        return str(json.loads(text)["url"]) if text.endswith("}\n") else ""
