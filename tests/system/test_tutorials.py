"""The commands of the tutorials, as they stand there, in a fresh folder."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

ROOT = Path(__file__).resolve().parents[2]
TUTORIALS = ROOT / "docs" / "tutorials"
BLOCKS = re.compile(r"<!-- tests run this( beside the rest)? -->\n```sh\n(.*?)```", re.DOTALL)
READY = "still running"
SECONDS = 240
ENVIRONMENT = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}

pytestmark = [pytest.mark.node, pytest.mark.timeout(900)]


def commands(page: str) -> Iterator[tuple[bool, str, int]]:
    """Each marked command of a tutorial: whether it runs beside the rest, and the exit code that the page says."""
    for beside, block in BLOCKS.findall((TUTORIALS / page).read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            text, _, comment = line.partition("    #")
            code = re.search(r"exit code (\d+)", comment)
            yield bool(beside), text.strip(), int(code[1]) if code else 0


@contextmanager
def running(command: str, folder: Path) -> Iterator[None]:
    """A command that goes on, from when it says that it is ready until the end."""
    log = folder / "beside.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-euc", f"exec {command}"], cwd=folder, env=ENVIRONMENT, stdout=output, stderr=output
        )
        try:
            for _ in range(SECONDS * 2):
                if READY in log.read_text(encoding="utf-8") or process.poll() is not None:
                    break
                try:
                    process.wait(0.5)
                except subprocess.TimeoutExpired:
                    continue
            assert READY in log.read_text(encoding="utf-8"), log.read_text(encoding="utf-8")[-2000:]
            yield
        finally:
            process.terminate()
            process.wait(60)


def follow(page: str, folder: Path) -> list[str]:
    """Run a tutorial's commands, word for word, where fedledger's folder is; what each printed."""
    found, said = list(commands(page)), []
    for name in (".venv", "examples"):
        (folder / name).symlink_to(ROOT / name)
    beside = [command for aside, command, _ in found if aside]
    assert len(beside) <= 1

    def rest() -> None:
        for aside, command, code in found:
            if aside:
                continue
            done = subprocess.run(
                ["bash", "-euc", command], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS
            )
            assert done.returncode == code, f"{command}: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            said.append(done.stdout)

    if beside:
        with running(beside[0], folder):
            rest()
    else:
        rest()
    return said


def test_an_auditor_finds_the_lie_and_its_culprit(tmp_path: Path) -> None:
    whole, _release, _round, evidence, _, forged, *_, verified, _, changed = follow("auditor.md", tmp_path)
    assert "yes" in whole.splitlines()[0]
    assert "1 lie caught" in whole.splitlines()[0]
    assert "publishAggregate" in evidence
    assert "Coordinator" not in forged
    assert verified.startswith("VERIFIED  release breast-cancer@1.0.0")
    assert "CAUGHT ROOT" in verified
    assert changed.startswith("MALFORMED")
    assert (tmp_path / "fetched" / "model.safetensors").exists()


def test_a_task_of_ones_own_keeps_the_contract_as_it_is_made(tmp_path: Path) -> None:
    _, checked, tested = follow("task-author.md", tmp_path)
    assert "Task retina keeps its contract." in checked
    assert " passed" in tested


def test_a_bank_sees_what_joining_is_worth(tmp_path: Path) -> None:
    (printed,) = follow("bank.md", tmp_path)
    for row in ("each bank alone", "FedAvg", "all payments in one place"):
        assert row in printed
