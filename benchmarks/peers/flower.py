"""Flower in an environment of its own, for comparison only: nothing of it is ever installed with fedledger."""

import subprocess
import sys
from functools import cache
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HOME = ROOT / "build" / "bench-venv"
AGGREGATE = HERE / "flower_aggregate.py"
DEMO = HERE / "flower_demo.py"
SIMULATE = HERE / "flower_simulate.py"
SAME_VERSION = ("torch", "numpy")


@cache
def python() -> Path:
    """The Python that has Flower with its simulator: the newest that there is, on our torch and numpy."""
    interpreter = HOME / "bin" / "python"
    if not (HOME / ".ready").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", HOME], check=True)
        pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith(SAME_VERSION)]
        command = [interpreter, "-m", "pip", "install", "--quiet", "flwr[simulation]", *pins]
        subprocess.run(command, check=True)
        (HOME / ".ready").touch()
    return interpreter


@cache
def version() -> str:
    """The version of Flower that is compared with."""
    code = "from importlib.metadata import version; print(version('flwr'))"
    return subprocess.run([python(), "-c", code], check=True, capture_output=True, text=True).stdout.strip()
