"""The frozen vectors, and the scripts that write them."""

import importlib.util
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).resolve().parents[1] / "vectors"


def script(name: str) -> ModuleType:
    """A script of the folder, as a module: its `text` is what a file of vectors has."""
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
