"""What an auditor loads is small, and imports point one way."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from ledger.cli.main import fedledger

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "sklearn", "web3", "eth_account", "sqlite3", "requests", "ipfshttpclient", "solcx", "rich", "click")
SLOW = (
    *HEAVY[:-1],
    "numpy",
    "filelock",
    "waitress",
    "polars",
    "openpyxl",
    "sqlalchemy",
    "fastapi",
    "uvicorn",
    "jinja2",
)


@pytest.mark.parametrize(
    "module",
    [
        "ledger.audit",
        "ledger.rounds.outcome",
        "ledger.history.fold",
        "ledger.jobs.document",
        "ledger.audit.report",
        "ledger.scores.contributions",
    ],
)
def test_the_core_loads_no_chain_no_store_and_no_framework(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize(
    "module",
    [
        "participant.node.start",
        "participant.node.node",
        "participant.node.worker",
        "participant.node.replay",
        "participant.scoring.scorer",
        "participant.measuring.evaluation",
    ],
)
def test_a_node_leaves_torch_to_its_trainers(module: str) -> None:
    """It would be loaded twice, which takes a second of the processor and 200 MB."""
    code = f"import sys, {module}; print([name for name in ('torch', 'sklearn') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.node
@pytest.mark.parametrize("task", ["tabular", "regression", "survival", "multitask", "sklearn"])
def test_what_prepares_tables_is_covered_and_loaded_where_it_is_used(task: str) -> None:
    """Polars is a tenth of what the start of a trainer takes."""
    pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')
    code = (
        "import sys, typing; from participant.tasks.code import covered; from participant.tasks.discovery import find; "
        f"kind = find({task!r}).kind; files = covered((kind.__module__, *kind.sources)); "
        "takes = {typing.get_type_hints(one.take)['table'].__name__ for one in kind.__mro__[:-2]}; "
        "print('polars' in sys.modules, 'participant/tasks/data/preparing/table.py' in files, takes)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "False True {'PreparedTable'}"


def test_what_was_measured_is_told_without_torch() -> None:
    """`node evaluate` measures in a trainer."""
    line = {"job": 1, "round": 2, "rows": "held_out", "samples": 30.0, "accuracy": 0.9}
    code = f"import sys; from participant.cli.models import _words; print(_words({line!r}), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip().endswith("samples 30, accuracy 0.9000 False")


@pytest.mark.parametrize("command", fedledger.list_commands(click.Context(fedledger)))
def test_help_loads_nothing_that_is_slow(command: str) -> None:
    """A command imports what costs start-up time when it runs, not before (ledger/cli/__init__.py)."""
    code = (
        "import sys; from ledger.cli.main import fedledger; "
        f"fedledger.main([{command!r}, '--help'], standalone_mode=False); "
        f"print([name for name in {SLOW!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_imports_point_one_way() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
