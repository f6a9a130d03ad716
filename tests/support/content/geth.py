"""Signers of a real Clique chain: geth on loopback, each with a key of its own, connected to one another.

`Nodes` is what they share with the validators of a QBFT chain (`quorum`).
"""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support.content.ports import free_ports

from ledger.chain.consortium_file import Founder
from ledger.chain.deploy import deploy
from ledger.chain.rpc import Rpc
from ledger.config import Chain, Network, SealKind
from ledger.errors import Unavailable
from ledger.events.records import Role
from ledger.keys import create, ephemeral

BINARY = Path(__file__).parents[3] / "build" / "engines" / "geth"
CHAIN = 31337
PASSPHRASE = "clique"
EPOCH = 16
WAIT = 120.0
FORKS = (
    "homestead",
    "eip150",
    "eip155",
    "eip158",
    "byzantium",
    "constantinople",
    "petersburg",
    "istanbul",
    "berlin",
)
"""What both kinds of chains are from their first block on."""
DEEP = 4
"""Blocks under which signers that can reach each other replace no block."""


def find_geth() -> str | None:
    """The one that `make engines` built, or one on PATH."""
    return str(BINARY) if BINARY.exists() else shutil.which("geth")


class Nodes:
    """Nodes of one chain on loopback, of which each is told the others. `stop` ends them."""

    nodes: list[Rpc]

    def __init__(self, binary: str, folder: Path) -> None:
        self.binary, self.folder = binary, folder
        self._processes: list[subprocess.Popen[bytes]] = []
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self) -> str:
        return self.nodes[0].url

    def number(self, node: int = 0) -> int:
        return int(str(self.nodes[node].call("eth_blockNumber")), 16)

    def wait(self, true: Any) -> None:
        """Until a condition holds."""
        end = time.monotonic() + WAIT
        while not true():
            if time.monotonic() > end:
                raise AssertionError("the chain did not come so far in time")
            time.sleep(0.2)

    def stop(self) -> None:
        for process in self._processes:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def init(self, home: Path, genesis: Path) -> None:
        """Give a node's folder its first block."""
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([self.binary, "--datadir", home, "init", genesis], check=True, **quiet)  # type: ignore[call-overload]

    def start(self, home: Path, options: Sequence[object], **environment: str) -> Rpc:
        """Start a node with these options besides its ports, and wait until it answers."""
        port, peers = free_ports(2)
        places = ("--datadir", home, "--port", peers, "--http", "--http.port", port)
        with (home / "geth.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(
                    [self.binary, *map(str, (*places, "--networkid", CHAIN, "--nodiscover", "--ipcdisable", *options))],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, "HOME": str(home), **environment},
                )
            )
        rpc = Rpc(f"http://127.0.0.1:{port}")
        self.wait(lambda: _is_up(rpc, self._processes[-1]))
        return rpc

    def found(self, seals: SealKind, keys: Sequence[str], folder: Path) -> Network:
        """Deploy a consortium of these keys, whose network file pins who seals."""
        founders = [Founder(f"member {at}", key, Role.PARTICIPANT) for at, key in enumerate(keys)]
        chain = Chain(id=CHAIN, rpc=self.url, seals=seals)
        return deploy(chain, ephemeral(), "sealed", founders, folder, timeout=60)

    def connect(self) -> None:
        """Tell each node those behind it."""
        names = [str(node.call("admin_nodeInfo")["enode"]) for node in self.nodes]
        for place, node in enumerate(self.nodes):
            for name in names[place + 1 :]:
                node.call("admin_addPeer", name)


class CliqueNetwork(Nodes):
    """So many signers, a block a second, no fees; signers are listed every 16 blocks."""

    def __init__(self, binary: str, folder: Path, signers: int = 3) -> None:
        super().__init__(binary, folder)
        self._password = folder / "password"
        self._password.write_text(PASSPHRASE)
        homes = [folder / f"signer{number}" for number in range(signers)]
        for home in homes:
            (home / "keystore").mkdir(parents=True)
        self.signers = [create(h / "keystore" / "key", PASSPHRASE, light=True).address for h in homes]
        genesis = folder / "genesis.json"
        genesis.write_text(json.dumps(self._genesis()))
        try:
            self.nodes = [self._start(*pair, genesis) for pair in zip(homes, self.signers, strict=True)]
            self.connect()
            self.wait(lambda: self.number() > DEEP and self._agree())
        except BaseException:
            self.stop()
            raise

    def wait_deep(self, block: int) -> None:
        """Until so many blocks lie on top of one that it stays."""
        self.wait(lambda: self.number() >= block + DEEP)

    def _agree(self) -> bool:
        """Whether all signers are on one chain: they begin to seal before they know each other."""
        block = hex(self.number() - DEEP + 1)
        told = [node.call("eth_getBlockByNumber", block, False) for node in self.nodes]
        return all(one and one["hash"] == told[0]["hash"] for one in told)

    def vote(self, address: str, inside: bool, voters: int = 2) -> None:
        """So many signers vote for it, or against."""
        for node in self.nodes[:voters]:
            node.call("clique_propose", address, inside)

    def _genesis(self) -> dict[str, Any]:
        blocks = {f"{name}Block": 0 for name in (*FORKS, "london")}
        listed = "".join(address[2:].lower() for address in sorted(self.signers, key=str.lower))
        return {
            "config": {"chainId": CHAIN, **blocks, "clique": {"period": 1, "epoch": EPOCH}},
            "difficulty": "0x1",
            "gasLimit": "0x1c9c380",
            "baseFeePerGas": "0x0",
            "extradata": "0x" + "00" * 32 + listed + "00" * 65,
            "alloc": {},
        }

    def _start(self, home: Path, address: str, genesis: Path) -> Rpc:
        self.init(home, genesis)
        options = [
            *("--http.api", "eth,net,web3,admin,clique", "--authrpc.port", 0, "--lightkdf"),
            *("--unlock", address, "--password", self._password, "--allow-insecure-unlock"),
            *("--mine", "--miner.etherbase", address, "--miner.gasprice", 0, "--txpool.pricelimit", 1),
            *("--cache", 32, "--verbosity", 2, "--syncmode", "full"),
        ]
        return self.start(home, options)


def _is_up(rpc: Rpc, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise AssertionError(f"geth ended with {process.returncode}")
    try:
        return bool(rpc.chain_id())
    except Unavailable:
        return False
