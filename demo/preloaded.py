"""Imported once by the server that commands are forked from, before the first of them: what they import, and tasks."""

import gc
from contextlib import suppress
from importlib import import_module

from demo.forkserver import slow_modules
from ledger import kernel
from ledger.cli.main import plugged
from ledger.keys.library import accounts
from participant.trainer.imports import kept_imports

TASK = "tabular"
"""Its code is read as Python once, and that of what it shares with other tasks: its digest is asked for by each."""

with kept_imports():
    accounts()
    for name in slow_modules():
        with suppress(ImportError):  # of an extra that is not installed: the command that needs it says so
            import_module(name)
    with suppress(ImportError):
        import_module("participant.tasks.discovery").find(TASK)
    plugged()
    kernel.in_use()
gc.freeze()  # what is imported is not looked through again in every command
