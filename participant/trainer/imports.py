"""Imports that take seconds, without the collector of garbage: what they make lives as long as the process."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_imports() -> Iterator[None]:
    """What is imported within is never looked through for garbage, in this process or a fork of it.

    For torch and web3 that saves a fifth of the time, and each fork 0.2 s and a copy of their pages at its first look.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collects:
            gc.enable()
