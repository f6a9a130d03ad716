"""PEFT and transformers, which are imported only where a task with adapters is used (the extra fedledger[adapters])."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ledger.errors import UsageError


def peft() -> Any:
    """The library PEFT. Raises UsageError, with the way out, where it is not installed."""
    try:
        import peft
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    return peft


def transformers() -> Any:
    """The library transformers, which says nothing but errors from now on. Raises as `peft`."""
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise _missing(error) from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return transformers


@contextmanager
def of_one_another() -> Iterator[None]:
    """Around calls in which PEFT 0.21 uses a name that transformers 5.24 is about to drop, and warns of."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def require() -> None:
    """Raise UsageError where a library is not installed; none is imported."""
    from importlib.util import find_spec

    for name in ("peft", "transformers", "tokenizers", "safetensors"):
        if find_spec(name) is None:
            raise _missing(ModuleNotFoundError(f"No module named {name!r}", name=name))


def _missing(error: ModuleNotFoundError) -> UsageError:
    return UsageError(
        "the task adapter needs the libraries PEFT and transformers",
        advice='pip install "fedledger[adapters]"',
        missing=error.name,
    )
