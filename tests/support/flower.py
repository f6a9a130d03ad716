"""Flower apps in tests, as an installer leaves them behind: those of the examples, and small ones that do wrong."""

import shutil
import sys
from pathlib import Path

import pytest
from support.examples import EXAMPLES as FOLDER

APPS = FOLDER / "flower"
EXAMPLES = ("wards", "heartbeats")


def install(folder: Path, name: str, needs: str = "flwr>=1.20") -> None:
    """What says that a distribution `name` with one package of that name is there, and needs Flower."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: {needs}\n")
    (info / "RECORD").write_text(f"{name}/__init__.py,,\n{name}-1.0.dist-info/METADATA,,\n")


def install_examples(folder: Path) -> None:
    """Both example apps."""
    for name in EXAMPLES:
        shutil.copytree(APPS / name / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        install(folder, name)


def install_app(folder: Path, name: str, source: str, needs: str = "flwr>=1.20") -> None:
    """An app of one module, `NAME:app`."""
    (folder / name).mkdir()
    (folder / name / "__init__.py").write_text(source)
    install(folder, name, needs)


def use(folder: Path, patch: pytest.MonkeyPatch, *names: str) -> None:
    """Have Python find what is installed in `folder`, and forget it after the test."""
    patch.syspath_prepend(folder)
    for name in [one for one in sys.modules if one.partition(".")[0] in names]:
        patch.delitem(sys.modules, name)
