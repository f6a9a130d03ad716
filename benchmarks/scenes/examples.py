"""The tables of examples/, of real data where they are beside the checkout, else of what each example makes up."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import measure
from scenes.perceptron import SHARED

FOLDERS = {"heart": "heart", "fraud": "credit", "digits": "optdigits"}
"""Examples with real data, and each one's folder of them."""


def example(name: str, package: str) -> Any:
    """What `package` of the folder `name` defines."""
    folder = str(measure.ROOT / "examples" / name)
    sys.path.insert(0, folder)
    try:
        return import_module(f"{package}.study").EXAMPLE
    finally:
        sys.path.remove(folder)


def lines(name: str, package: str, *, small: bool = False, shared: Path = SHARED) -> tuple[list[Any], bool]:
    """An example's table; whether it is of real data, which are no part of the repository."""
    chosen = example(name, package)
    data = shared / FOLDERS.get(name, name)
    real = data.is_dir()
    small = small or measure.small()
    return chosen.lines(data if real else None, chosen.small if small else chosen.whole), real


def rows(found: list[Any], figure: str, where: str, unit: str = "") -> list[measure.Row]:
    """A row for each line: the parties' mean of a figure."""
    made = []
    for line in found:
        measured = line.figures[figure]
        note = f"± {measured.spread:.3f}" + (f"; rate {line.rate}" if line.rate else "")
        made.append(measure.row(f"{line.arm}, {where}", "", measured.mean, unit or figure, None, note))
    return made
