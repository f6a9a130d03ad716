"""Imported once by the server that commands are forked from, before the first of them: what they import, and what each
would work out itself.
"""

import gc
from contextlib import suppress
from importlib import import_module

from demo.anvil import HOST
from demo.forkserver import SLOW
from ledger import kernel
from ledger.chain.rpc import Rpc
from ledger.cli.main import plugged
from ledger.keys.library import accounts
from ledger.scores.utility import make_tables
from participant.trainer.imports import kept_imports

with kept_imports():
    accounts()
    for name in SLOW:
        with suppress(ImportError):  # of an extra that is not installed: the command that needs it says so
            import_module(name)
    plugged()
    kernel.in_use()
    make_tables()
    Rpc(f"http://{HOST}").close()  # what answers look like is worked out with the first
gc.freeze()  # what is imported is not looked through again in every command
