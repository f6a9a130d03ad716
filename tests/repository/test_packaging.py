"""The wheel: what is in it, and that an auditor's install works without torch."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def uv(*arguments: str | Path) -> None:
    beside = Path(sys.executable).with_name("uv")
    program = shutil.which("uv") or (beside if beside.exists() else None)
    if program is None:
        pytest.skip("uv is not installed: make setup does it")
    done = subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--quiet", "--wheel", "--build-constraint", ROOT / "constraints.txt", "--out-dir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def auditor(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment into which the wheel was installed without the extra `node`."""
    folder = tmp_path_factory.mktemp("auditor") / "venv"
    uv("venv", "--quiet", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    uv("pip", "install", "--quiet", "--python", python, "--constraint", ROOT / "constraints.txt", wheel)
    return folder / "bin"


def run(program: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([program, *arguments], cwd="/", capture_output=True, text=True, timeout=60)


def test_the_wheel_holds_the_packages_and_what_they_read(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {f"ledger/chain/{path.relative_to(ROOT)}" for path in ROOT.glob("contracts/**/*.sol")}
    builds = {str(path.relative_to(ROOT)) for path in ROOT.glob("ledger/chain/abi/*.json")}
    pages = {str(path.relative_to(ROOT)) for path in ROOT.glob("web/*/*.*") if path.suffix != ".pyc"}
    pages |= {"web/texts.toml", "web/findings.toml"}
    templates = {str(path.relative_to(ROOT)) for path in ROOT.glob("participant/tasks/template/*")}
    typed = {"ledger/py.typed", "participant/py.typed", "aggregator/py.typed", "web/py.typed", "demo/py.typed"}
    assert sources
    assert builds
    assert len(pages) > 10
    assert len(templates) == 6
    assert sources | builds | pages | templates | typed | {"ledger/chain/compiler.json"} <= names
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {
        "ledger",
        "participant",
        "aggregator",
        "web",
        "demo",
    }


@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_the_wheel_carries_the_kernel_for_its_platform(wheel: Path, auditor: Path) -> None:
    assert {"ledger/kernel/kernel.so", "ledger/kernel/kernel.sha256"} <= set(zipfile.ZipFile(wheel).namelist())
    assert "-py3-none-any" not in wheel.name
    done = run(auditor / "python", "-c", "from ledger.kernel import in_use; print(in_use())")
    assert done.stdout.startswith("native: ")


def test_an_auditor_gets_every_command_that_needs_no_torch(auditor: Path) -> None:
    for arguments in (("--help",), ("audit", "--help"), ("trace", "--help"), ("aggregator", "run", "--help")):
        done = run(auditor / "fedledger", *arguments)
        assert done.returncode == 0, done.stderr
        assert "Usage: fedledger" in done.stdout


def test_an_auditor_has_no_torch_and_is_told_what_training_needs(auditor: Path, tmp_path: Path) -> None:
    assert run(auditor / "python", "-c", "import torch").returncode != 0
    draft, data = ROOT / "participant/examples/breast_cancer.toml", tmp_path / "data.csv"
    data.touch()
    done = run(auditor / "fedledger", "node", "compare", "--settings", draft, "--data", data, "--test", data)
    assert done.returncode == 2, done.stderr
    assert "fedledger[node]" in done.stderr


def test_an_auditor_is_told_what_the_pages_need(auditor: Path, tmp_path: Path) -> None:
    done = run(auditor / "fedledger", "web", "run", "--home", tmp_path)
    assert done.returncode == 2, done.stderr
    assert "fedledger[web]" in done.stderr


def test_an_auditor_has_the_contracts_sources(auditor: Path) -> None:
    code = "from ledger.chain.source_check import sources; print(sources())"
    done = run(auditor / "python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in Path(done.stdout.strip()).rglob("*.sol")) == sorted(
        path.name for path in ROOT.glob("contracts/**/*.sol")
    )
