"""A local chain: anvil, a real EVM node, set up like a free-of-charge consortium chain (Besu QBFT).

Loopback only, no unlocked accounts, no base fee, gas at price zero. The platform's binary is run, never a wrapper: a
wrapper that is killed leaves its node behind.
"""

import contextlib
import os
import platform
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Self

from demo.children import end, start
from ledger.chain.rpc import Rpc
from ledger.config import LOCAL_CHAIN
from ledger.errors import Unavailable, UsageError

HOST = "127.0.0.1"
START_SECONDS = 120.0
STATES_KEPT = 256
DUMP_SECONDS = 30
PORT_ATTEMPTS = 5
BINARY_VARIABLE = "FEDLEDGER_ANVIL"


class PortTaken(Unavailable):
    """Something else listens on the port."""


class Anvil:
    """A running node. `Anvil.start` makes one; use it as a context manager, or call `stop`.

    It ends with the thread that started it (Linux), so that a killed program leaves nothing behind.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, output: IO[bytes]) -> None:
        self._process = process
        self._output = output
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self._finalizer = weakref.finalize(self, end, process, output)

    @classmethod
    def start(
        cls,
        port: int = 0,
        state: Path | None = None,
        chain_id: int = LOCAL_CHAIN,
        block_time: float | None = None,
    ) -> Self:
        """Start a node and wait until it answers. Port 0 takes a free one.

        `state` is a file that the chain is loaded from, if it exists, and saved to every half minute and at the end.
        `block_time` in seconds seals a block at that pace; without it every transaction gets its block at once.
        Raises UsageError where no anvil is installed, Unavailable where the port is taken or it does not come up.
        """
        program = find_binary()
        for attempt in range(PORT_ATTEMPTS):
            chosen = port or _free_port()
            try:
                return cls._launch(program, chosen, state, chain_id, block_time)
            except PortTaken:
                if port or attempt == PORT_ATTEMPTS - 1:
                    raise
        raise AssertionError("unreachable")

    @classmethod
    def _launch(cls, program: Path, port: int, state: Path | None, chain_id: int, block_time: float | None) -> Self:
        if not _is_free(port):
            raise _taken(port)
        if state is not None:
            state.parent.mkdir(parents=True, exist_ok=True)
        restarted = state is not None and state.exists()
        output = tempfile.TemporaryFile()  # noqa: SIM115  (closed with the node)
        told, tell = os.pipe()
        with open(told, "rb", buffering=0) as listening:  # noqa: PTH123  (it has no path)
            try:
                arguments = [*_arguments(port, state, chain_id, block_time), "--config-out", f"/dev/fd/{tell}"]
                process = start([str(program), *arguments], output, output, handed=[tell])
            finally:
                os.close(tell)
            node = cls(process, port, output)
            try:
                node._wait_until_ready(listening, chain_id)
                if restarted:
                    node._seal()
            except BaseException:
                node.stop()
                raise
        return node

    @property
    def pid(self) -> int:
        """The process id of the node itself."""
        return self._process.pid

    def check(self) -> None:
        """Raise Unavailable, with what it said last, if the node has ended."""
        status = self._process.poll()
        if status is None:
            return
        said = self._last_output()
        if "already in use" in said:
            raise _taken(self.port)
        raise Unavailable("the local chain has ended" + (f": {said}" if said else ""), url=self.url, exit_status=status)

    @contextlib.contextmanager
    def held(self) -> Iterator[Callable[[], None]]:
        """No block is sealed but by calling what this yields, which seals one if a transaction waits; in the end all
        that waits is sealed, and blocks are made on demand again.
        """
        rpc = Rpc(self.url, timeout=START_SECONDS)

        def seal() -> None:
            if rpc.call("txpool_status")["pending"] != "0x0":
                rpc.call("evm_mine")

        rpc.call("evm_setAutomine", False)
        try:
            yield seal
        finally:
            rpc.call("evm_setAutomine", True)
            seal()
            rpc.close()

    def pass_time(self, seconds: int) -> None:
        """Let so many seconds pass on the chain at once, and seal a block in the last of them."""
        rpc = Rpc(self.url, timeout=START_SECONDS)
        try:
            rpc.call("evm_increaseTime", seconds)
            rpc.call("evm_mine")
        finally:
            rpc.close()

    def stop(self) -> None:
        """End the node: SIGINT, which saves its state, then SIGTERM, then SIGKILL."""
        self._finalizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_until_ready(self, listening: IO[bytes], chain_id: int) -> None:
        """Once it has the port it writes into `listening`: until then, what answers there may be another node. And a
        moment after it answers first it begins to save its state when it is interrupted.
        """
        rpc = Rpc(self.url, timeout=START_SECONDS)
        end = time.monotonic() + START_SECONDS
        has_port, news = False, select.poll()
        news.register(listening)
        try:
            while True:
                self.check()
                with contextlib.suppress(Unavailable):
                    has_port = has_port or bool(news.poll(1000) and listening.read(1))
                    if has_port and int(rpc.call("eth_chainId"), 16) == chain_id and _saves(self._process.pid):
                        return
                if time.monotonic() > end:
                    raise Unavailable(f"the local chain does not answer after {START_SECONDS:g} s", url=self.url)
                time.sleep(0.01)
        finally:
            rpc.close()

    def _seal(self) -> None:
        """Seal an empty block: after a restart from a state file BLOCKHASH is true of blocks from then on alone."""
        rpc = Rpc(self.url, timeout=START_SECONDS)
        try:
            rpc.call("evm_mine")
        finally:
            rpc.close()

    def _last_output(self) -> str:
        self._output.seek(0, os.SEEK_END)
        self._output.seek(max(0, self._output.tell() - 2000))
        lines = self._output.read().decode("utf-8", errors="replace").strip().splitlines()
        return "\n".join(lines[-5:])


def find_binary() -> Path:
    """The platform's anvil: FEDLEDGER_ANVIL, else the npm package's near this checkout or the working directory, else
    the one on PATH. Raises UsageError where there is none."""
    named = os.environ.get(BINARY_VARIABLE)
    if named:
        if not os.access(named, os.X_OK):
            raise UsageError(f"{BINARY_VARIABLE} does not name a program", actual=named)
        return Path(named)
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = f"node_modules/@foundry-rs/anvil-{sys.platform}-{machine}/bin/anvil"
    here = Path.cwd()
    for folder in (Path(__file__).resolve().parents[1], here, *here.parents):
        if os.access(folder / package, os.X_OK):
            return folder / package
    found = shutil.which("anvil")
    if found is None:
        raise UsageError(
            "anvil, the local chain's node, is not installed",
            advice=f"make setup, or let {BINARY_VARIABLE} name its binary",
        )
    return Path(found)


def _arguments(port: int, state: Path | None, chain_id: int, block_time: float | None) -> list[str]:
    arguments = ["--host", HOST, "--port", str(port), "--chain-id", str(chain_id)]
    arguments += ["--hardfork", "london", "--block-base-fee-per-gas", "0", "--gas-price", "0"]
    # Else it writes the state after every block to the user's home, gigabytes in an afternoon, and leaves it there.
    arguments += ["--prune-history", str(STATES_KEPT)]
    arguments += ["--accounts", "0", "--silent", "--no-cors", "--disable-default-create2-deployer"]
    arguments += ["--threads", "1"]  # more hand each request on to each other
    if state is not None:
        arguments += ["--state", str(state), "--state-interval", str(DUMP_SECONDS)]
    if block_time is not None:
        arguments += ["--block-time", f"{block_time:g}"]
    return arguments


def _saves(process: int) -> bool:
    """Whether an interrupt does not just end it; true where the system does not say so (only Linux does)."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return True
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (signal.SIGINT - 1) & 1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _taken(port: int) -> PortTaken:
    return PortTaken(
        "the port for the local chain is taken", advice="choose another: --port, or 0 for any free one", port=port
    )
