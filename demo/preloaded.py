"""Imported once by the server that commands are forked from, before the first of them: what they import."""

import gc
from contextlib import suppress
from importlib import import_module

from demo.forkserver import SLOW
from ledger import kernel
from ledger.cli.main import plugged
from ledger.keys.library import accounts
from participant.trainer.imports import kept_imports

with kept_imports():
    accounts()
    for name in SLOW:
        with suppress(ImportError):  # of an extra that is not installed: the command that needs it says so
            import_module(name)
    plugged()
    kernel.in_use()
gc.freeze()  # what is imported is not looked through again in every command
