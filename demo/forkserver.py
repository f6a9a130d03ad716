"""Processes that begin with the slow imports done: forked from one that did them once (multiprocessing's forkserver).

Each is a process of its own that runs one `fedledger` command, with its own key, data and store; only the seconds that
every participant would spend on importing eth-account and its like are spent once, and those on torch in the server
that their trainers come from. Nothing but modules is loaded before the fork, and the kernel, which proves itself once
for all.
"""

import multiprocessing
import multiprocessing.forkserver
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from multiprocessing import resource_tracker, util
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NoReturn

from ledger.party.interrupts import deferred_interrupts, raise_interrupts, settle_interrupt
from participant.trainer.imports import kept_imports
from participant.trainer.served import TORCH_SERVER
from participant.trainer.torch_start import address

SLOW = (
    *("ledger.chain.calldata", "participant.node.node", "participant.node.start", "aggregator.service"),
    *("ledger.chain.client", "ledger.chain.sender", "ledger.chain.proofs.log_proof", "ledger.index", "waitress"),
    *("participant.cli.node", "participant.cli.job", "participant.trainer.labour", "participant.trainer.creation"),
    *("participant.measuring.comparison", "participant.measuring.comparison_file", "participant.node.replay"),
    *("aggregator.cli", "ledger.store.embedded", "ledger.store.channels", "ledger.party.sharing.hop"),
    *("ledger.cli.audit", "ledger.cli.report_files", "ledger.party.auditing", "ledger.chain.source_check"),
    *("ledger.cli.connect", "ledger.cli.evidence", "ledger.cli.job", "ledger.cli.releases.propose"),
    *("ledger.cli.decisions.vote", "rich.console", "rich.table", "eth_hash.backends.pycryptodome"),
)
"""What commands import. A name that does not exist would be skipped in silence."""
GRACE_SECONDS = 10
ASIDE = 10
"""What is added to the niceness of what works aside: a tenth of the time where others want the core, too."""
PRELOADED = "demo.preloaded"
MOST_OPEN = 1 << 20
"""Descriptors above it are not looked for, where a process may have any number."""
TASK = "tabular"
"""Its code is read once, and that of what it shares with other tasks: its digest is asked for by each trainer."""


def load_torch() -> str:
    """Begin to load torch in a process of its own, where that has not begun; its address."""
    return address(TASK)


def warm() -> None:
    """Begin with the imports, in two processes of their own; harmless where they have begun."""
    load_torch()
    multiprocessing.get_context("forkserver").set_forkserver_preload([PRELOADED])
    multiprocessing.forkserver.ensure_running()


def branch() -> None:
    """Let the server be a fork of this process: what is imported here is not imported there once more. Called before
    there is a key or a thread here. Where there is a server, or a thread beside this one, it does no more than `warm`.
    """
    from ledger.keys.library import accounts

    with kept_imports():
        accounts()  # both need it
    resource_tracker.ensure_running()
    load_torch()
    fresh = util.spawnv_passfds
    with deferred_interrupts() as interrupts:
        if threading.active_count() == 1:
            util.spawnv_passfds = _forked  # type: ignore[assignment]
        try:
            warm()
        finally:
            util.spawnv_passfds = fresh
    if interrupts:
        signal.raise_signal(interrupts[0])


def _forked(_: str, arguments: Sequence[str], kept: Iterable[int]) -> int:
    """In the place of a fresh interpreter that would be given these arguments: a fork that does what their last says,
    with no descriptors but the standard ones and those `kept`.
    """
    process = os.fork()
    if not process:
        _serve(arguments[-1], kept)
    return process


def _serve(code: str, kept: Iterable[int]) -> NoReturn:
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        after = 3
        for number in sorted(kept):
            os.closerange(after, number)
            after = number + 1
        most = os.sysconf("SC_OPEN_MAX")
        os.closerange(after, most if 0 < most < MOST_OPEN else MOST_OPEN)
        exec(code)  # noqa: S102  (multiprocessing's own)
    except SystemExit:  # nobody can ask any more
        status = 0
    except BaseException:  # noqa: BLE001
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


class Forked:
    """A forked command, with the part of subprocess.Popen's interface that its keeper needs. One that works `aside`
    leaves the cores to the others. `first` is called in the child before the command: a function of a module.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        log: Path,
        output: Path | None,
        *,
        aside: bool = False,
        first: Callable[[], None] | None = None,
    ) -> None:
        warm()
        context = multiprocessing.get_context("forkserver")
        ready, says = context.Pipe(duplex=False)
        asked = (list(arguments), log, output, says, aside, first, load_torch())
        self._process = context.Process(target=_run_command, args=asked)
        self._process.start()
        says.close()
        with ready, suppress(EOFError):
            ready.recv_bytes()  # the server ignores interrupts, and so does its child at first

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("fedledger", timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self._process.exitcode is None:
            with suppress(ProcessLookupError):  # it has ended, and the server does not say so yet
                os.kill(self.pid, number)


def _run_command(
    arguments: list[str],
    log: Path,
    output: Path | None,
    ready: Connection,
    aside: bool,
    first: Callable[[], None] | None,
    trainers: str,
) -> None:
    """In the child: the command line, as if it had been typed. An early interrupt must not print a traceback."""
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        raise_interrupts()
        with ready:
            ready.send_bytes(b"ready")
        _redirect(log, output)
        os.setsid()
        os.nice(ASIDE if aside else 0)
        os.environ[TORCH_SERVER] = trainers
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
        if first is not None:
            first()
        sys.argv = ["fedledger", *arguments]
        from ledger.cli.main import main

        main()
    except KeyboardInterrupt:
        sys.exit(settle_interrupt())


def _redirect(log: Path, output: Path | None) -> None:
    """Standard streams to files."""
    errors = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    printed = os.open(output, os.O_WRONLY | os.O_TRUNC | os.O_CREAT, 0o644) if output else errors
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(printed, 1)
    os.dup2(errors, 2)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(line_buffering=True)


def _end_with_parent() -> None:
    """Wait for the end of the process that asked for this one, and follow it, even if it was killed.

    Linux's parent-death signal would not help: the system's parent is the server, which lives as long as its children.
    """
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
