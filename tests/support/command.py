"""The command in a process of its own, and a round for it to look at."""

import subprocess
import sys
from typing import Any

from support.consortia.synthetic import Trial

PROGRAM = [sys.executable, "-m", "ledger.cli.main"]


def fedledger(*arguments: Any, **options: Any) -> "subprocess.CompletedProcess[str]":
    words = [str(argument) for argument in arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run([*PROGRAM, *words], text=True, check=False, timeout=240, **streams)


def play(trial: Trial, *, liar: int | None = None) -> None:
    """One round, from updates to a finalised model; `liar` attests what is not so."""
    if trial.state.current is None or trial.round.phase.terminal:
        trial.consortium.send(0, "ledger", "openRound", trial.number)
        trial.submit()
    trial.parties[0].publish()
    if liar is not None:
        trial.parties[liar].attest(b"\x0b" * 32)
    trial.attest(1, 2)
