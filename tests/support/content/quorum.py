"""Validators of a real QBFT chain: GoQuorum on loopback, each with a key of its own, connected to one another."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import rlp
from support.content.geth import CHAIN, FORKS, Nodes
from support.worlds.sealed import validators

BINARY = Path(__file__).parents[3] / "build" / "engines" / "quorum"
MIX = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365"
"""What the headers of such chains have as their mix hash."""


def find_quorum() -> str | None:
    """One in build/engines, or a `quorum` on PATH: GoQuorum's geth under that name."""
    return str(BINARY) if BINARY.exists() else shutil.which("quorum")


class QbftNetwork(Nodes):
    """So many validators, a block a second, no fees and no base fee."""

    def __init__(self, binary: str, folder: Path, count: int = 4) -> None:
        super().__init__(binary, folder)
        self.validators = validators(count)
        genesis = folder / "genesis.json"
        genesis.write_text(json.dumps(self._genesis()))
        try:
            self.nodes = [self._begin(place, genesis) for place in range(count)]
            self.connect()
            self.wait(lambda: self.number() > 2)
        except BaseException:
            self.stop()
            raise

    def vote(self, address: str, inside: bool) -> None:
        """All validators vote for it, or against, until it is in, or out."""
        for node in self.nodes:
            node.call("istanbul_propose", address, inside)
        self.wait(lambda: (address.lower() in self.present()) == inside)
        for node in self.nodes:
            node.call("istanbul_discard", address)

    def present(self) -> set[str]:
        """The validators as the chain has them now."""
        return {str(one).lower() for one in self.nodes[0].call("istanbul_getValidators")}

    def pause(self, place: int, *, on: bool) -> None:
        """Stop a validator, or let it go on: its turns take another round."""
        self._processes[place].send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def _begin(self, place: int, genesis: Path) -> Any:
        home = self.folder / f"validator{place}"
        (home / "geth").mkdir(parents=True)
        (home / "geth" / "nodekey").write_text(self.validators[place].secret.hex())
        self.init(home, genesis)
        options = [
            *("--http.api", "eth,net,web3,admin,istanbul", "--nat", "none"),
            *("--mine", "--miner.threads", 1, "--miner.gasprice", 0, "--txpool.pricelimit", 0),
            *("--cache", 32, "--verbosity", 2, "--syncmode", "full"),
        ]
        return self.start(home, options, PRIVATE_CONFIG="ignore")

    def _genesis(self) -> dict[str, Any]:
        blocks = {f"{name}Block": 0 for name in FORKS}
        sealing = {"epochlength": 30000, "blockperiodseconds": 1, "requesttimeoutseconds": 2, "policy": 0}
        extra = rlp.encode([bytes(32), [one.raw for one in self.validators], [], b"", []])
        return {
            "config": {"chainId": CHAIN, **blocks, "isQuorum": True, "qbft": {**sealing, "ceil2Nby3Block": 0}},
            "difficulty": "0x1",
            "gasLimit": "0xf7b760",
            "mixHash": MIX,
            "extraData": "0x" + extra.hex(),
            "alloc": {},
        }
