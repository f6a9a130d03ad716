"""Workers on Ray: the same report, and what to do where there is no Ray. Ray warns, so it has processes of its own."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from support.consortia.audited import audit, play
from support.consortia.synthetic import Trial

from ledger.errors import UsageError
from ledger.party.workers.on_ray import on_ray

TESTS = Path(__file__).parents[2]
NO_RAY = pytest.mark.skipif(find_spec("ray") is None, reason='Ray is not installed: pip install "fedledger[ray]"')
_AUDIT = """
import sys
from pathlib import Path
from support.consortia.audited import audit
from ledger.config import load_network
network, folder = map(Path, sys.argv[1:])
(folder / "report").write_bytes(audit(load_network(network), folder, workers=2, engine="ray"))
"""
_STRANGE = """
from ledger.party.workers.on_ray import on_ray
print(list(on_ray(b"no setup", [b"no part"] * 3, 2)))
"""


def run(program: str, *arguments: Path) -> "subprocess.CompletedProcess[str]":
    path = os.pathsep.join([str(TESTS), *sys.path])
    told = {
        "env": os.environ | {"PYTHONPATH": path},
        "capture_output": True,
        "text": True,
    }
    return subprocess.run([sys.executable, "-c", program, *map(str, arguments)], timeout=200, check=False, **told)


def test_without_ray_an_error_says_how_to_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match="Ray is not installed") as caught:
        list(on_ray(b"setup", [b"part"], 2))
    assert caught.value.advice == "pip install 'fedledger[ray]'"


class FakeRay(ModuleType):
    """A cluster that answers a part after as many seconds as it says."""

    class RayError(Exception):
        pass

    def __init__(self) -> None:
        super().__init__("ray")
        self.cancelled: list[bytes] = []
        self.exceptions = SimpleNamespace(RayError=self.RayError)

    def is_initialized(self) -> bool:
        return True

    def remote(self, work: object) -> Any:
        return SimpleNamespace(options=lambda max_retries: SimpleNamespace(remote=lambda module, setup, part: part))

    def put(self, value: bytes) -> bytes:
        return value

    def get(self, task: bytes, timeout: float) -> bytes:
        if int(task) > timeout:
            raise self.RayError
        return task

    def cancel(self, task: bytes, force: bool) -> None:
        self.cancelled.append(task)


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> FakeRay:
    fake = FakeRay()
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setitem(sys.modules, "ray.exceptions", fake.exceptions)
    return fake


def test_a_part_that_takes_too_long_is_cancelled_and_left_to_the_audit(ray: FakeRay) -> None:
    assert list(on_ray(b"setup", [b"5", b"9999", b"6"], 2)) == [b"5", None, b"6"]
    assert ray.cancelled == [b"9999"]


def test_an_audit_that_ends_early_leaves_nothing_running_on_the_cluster(ray: FakeRay) -> None:
    answers = on_ray(b"setup", [b"1", b"2", b"3", b"4"], 2)
    assert [next(answers), next(answers)] == [b"1", b"2"]
    answers.close()
    assert ray.cancelled == [b"3", b"4"]


@pytest.mark.ray
@NO_RAY
def test_the_report_is_the_same_on_ray(consortium: Any, tmp_path: Path) -> None:
    with Trial(consortium, rounds=3) as trial:
        play(trial)
        done = run(_AUDIT, consortium.members[0].home.network_file, tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "report").read_bytes() == audit(consortium.network, tmp_path / "alone")


@pytest.mark.ray
@NO_RAY
def test_what_ray_does_not_answer_is_left_to_the_audit() -> None:
    done = run(_STRANGE)
    assert done.stdout.strip().splitlines()[-1:] == ["[None, None, None]"], done.stderr
