"""A consortium on this machine: a real chain, real contracts, and a home folder with a key for each party."""

import re
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from demo.anvil import Anvil
from demo.folder import STATE
from ledger import keys
from ledger.chain.consortium_file import Founder
from ledger.chain.deploy import deploy
from ledger.config import LOCAL_CHAIN, Chain, GatewaySettings, Home, HomeSettings, Network, save
from ledger.events.records import Role, Rules

QUICK_RULES = Rules(majority=5_000, vote_seconds=3_600, delay_seconds=0, execute_seconds=86_400)
"""For consortia on one machine: what passes may be closed and executed in the next second."""


@dataclass(frozen=True, slots=True)
class Resident:
    """A party of a local consortium: its home, and the file that holds its keystore's passphrase."""

    name: str
    home: Home
    signer: keys.LocalSigner
    passphrase_file: Path


@dataclass(slots=True)
class LocalConsortium:
    """Everything that `found` made; `stop` ends the chain and leaves the files."""

    folder: Path
    anvil: Anvil
    network: Network
    residents: dict[str, Resident] = field(default_factory=dict)

    @property
    def network_file(self) -> Path:
        return self.folder / "network.toml"

    def stop(self) -> None:
        self.anvil.stop()


def found(
    folder: Path,
    name: str,
    parties: Sequence[tuple[str, Role]],
    state: Path | None = None,
    rules: Rules = QUICK_RULES,
) -> LocalConsortium:
    """Start a chain, make a light key for each party, deploy the contracts, and join every home to the network. The
    chain's state is kept in `state`, or in the folder.

    Raises what Anvil.start, accounts.create and deploy raise; nothing keeps running then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(1) as beside:
        settled = beside.submit(lambda: {party: _settle(folder / slug(party), party) for party, _ in parties})
        anvil = Anvil.start(state=state or folder / STATE)
    try:
        residents = settled.result()
        founders = [Founder(party, residents[party].signer.address, roles) for party, roles in parties]
        chain = Chain(id=LOCAL_CHAIN, rpc=anvil.url, gas_price="zero")
        network = deploy(chain, keys.ephemeral(), name, founders, folder / "outbox", rules=rules)
        local = LocalConsortium(folder, anvil, network, residents)
        save(local.network_file, network)
        for resident in residents.values():
            save(resident.home.network_file, network)
    except BaseException:
        anvil.stop()
        raise
    return local


def slug(name: str) -> str:
    """A folder's name for a party."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _settle(folder: Path, name: str) -> Resident:
    home = Home(folder)
    passphrase_file = folder / "passphrase"
    folder.mkdir(parents=True, mode=0o700)
    passphrase_file.touch(mode=0o600)
    passphrase_file.write_text(secrets.token_urlsafe(24) + "\n")
    signer = keys.create(home.keystore, passphrase_file.read_text().strip(), light=True)
    save(home.settings_file, HomeSettings(name=name, gateway=GatewaySettings()))
    return Resident(name, home, signer, passphrase_file)
