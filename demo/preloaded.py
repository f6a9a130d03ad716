"""Imported once by the server that commands are forked from, before the first of them: what they import, and tasks."""

from contextlib import suppress
from importlib import import_module

from demo.forkserver import slow_modules
from ledger import kernel
from participant.trainer.imports import kept_imports

with kept_imports():
    for name in slow_modules():
        with suppress(ImportError):  # of an extra that is not installed: the command that needs it says so
            import_module(name)
    kernel.in_use()
