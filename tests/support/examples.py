"""The packages of the examples, which are programs of their own and installed nowhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "examples"


@contextmanager
def importable(example: str, package: str) -> Iterator[None]:
    """The package of an example can be imported meanwhile, and is forgotten after."""
    folder = str(EXAMPLES / example)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        for name in [name for name in sys.modules if name.split(".")[0] == package]:
            del sys.modules[name]
