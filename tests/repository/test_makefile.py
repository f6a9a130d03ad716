"""The Makefile and the pinned versions."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PINS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
TARGETS = {"help", "setup", "demo", "web", "test", "check", "check-pythons", "contracts", "engines", "arm", "bench"}
TARGETS |= {"campaign", "slither", "docs", "pictures", "clean"}

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str) -> str:
    return subprocess.run(["make", *arguments], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60).stdout


def pins() -> dict[str, str]:
    found = dict(line.split("==") for line in PINS if not line.startswith("#"))
    return {canonicalize_name(name): pinned for name, pinned in found.items()}


@needs_make
def test_help_is_the_default_and_lists_every_target() -> None:
    assert make() == make("help")
    assert set(re.findall(r"^  ([a-z-]+) ", make("help"), re.MULTILINE)) == TARGETS


@needs_make
@pytest.mark.parametrize("target", sorted(TARGETS))
def test_a_target_can_be_worked_out(target: str) -> None:
    make("--dry-run", target)


def test_a_pin_is_a_name_and_a_version_and_nothing_else() -> None:
    lines = [line for line in PINS if not line.startswith("#")]
    assert lines == sorted(lines, key=str.casefold)
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line)] == []


def test_every_package_that_fedledger_needs_is_pinned_and_installed_so() -> None:
    pinned, todo, seen = pins(), [Requirement("fedledger[node]")], set()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        for extra in requirement.extras or {""}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            try:
                needed = [Requirement(text) for text in distribution(name).requires or []]
            except PackageNotFoundError:
                pytest.skip(f"{name} is not installed: this is not what make setup makes")
            todo += [r for r in needed if r.marker is None or r.marker.evaluate({"extra": extra})]
    names = {name for name, _ in seen} - {"fedledger"}
    # A build of torch from another index has a local version, such as 2.9.0+cpu.
    assert {name: version(name).split("+")[0] for name in names} == {name: pinned.get(name) for name in names}


def test_the_lock_file_names_no_registry_and_every_platform() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    for name, entry in packages.items():
        for wanted in entry.get("optionalDependencies", {}):
            assert f"node_modules/{wanted}" in packages, f"{name} on some platform needs {wanted}: npm ci would refuse"


@needs_make
@pytest.mark.parametrize("system", ["none", "old"])
def test_set_up_brings_node_where_the_system_has_none_that_will_do(tmp_path: Path, system: str) -> None:
    """The folder has what the step reads; PATH has what it runs, and no Node, or an old one."""
    for name in ("Makefile", "constraints.txt", "package.json", "package-lock.json", "tools/node_will_do"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv"], check=True)
    (tmp_path / ".venv" / ".ready").touch()
    programs = tmp_path / "own programs"
    programs.mkdir()
    for name in ("bash", "sh", "env", "make", "touch", "mkdir", "find", "uname", "dirname"):
        found = shutil.which(name)
        assert found is not None, name
        (programs / name).symlink_to(found)
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    (programs / "uv").symlink_to(uv)
    if system == "old":
        for name, said in (("node", "v18.20.4"), ("npm", "an old npm must not be run")):
            (programs / name).write_text(f"#!/bin/sh\necho {said}\n")
            (programs / name).chmod(0o700)
    (tmp_path / "pyproject.toml").touch()
    subprocess.run(["touch", "-d", "2000-01-01", tmp_path / "pyproject.toml", tmp_path / "constraints.txt"], check=True)
    done = subprocess.run(
        [programs / "make", "node_modules/.ready"],
        cwd=tmp_path,
        env={**os.environ, "PATH": str(programs)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Set-up brings Node into .venv" in done.stdout
    assert ("v18.20.4 is older than 20" in done.stdout) == (system == "old")
    assert (tmp_path / "node_modules" / "solc").is_dir()
    assert (tmp_path / ".venv" / "bin" / "node").exists()
