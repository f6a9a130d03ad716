"""A trainer knows nothing of the node's key and sockets, ends with its node, and may be a launcher's processes."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support import wild  # noqa: E402
from support.processes import gone, is_alive  # noqa: E402

from ledger.errors import UsageError  # noqa: E402
from ledger.jobs.document import Job, parse  # noqa: E402
from participant.tasks.machine import Machine  # noqa: E402
from participant.trainer.messages import ReadData, Train, TrainedUpdate  # noqa: E402
from participant.trainer.trainers import Trainers  # noqa: E402

pytestmark = pytest.mark.node
LONG = 300.0


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Job]:
    """Makes jobs of the wild task, which fresh interpreters find too."""
    (site := tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    (tmp_path / "data").write_text("one\ntwo\n")
    return lambda **does: wild.job(site, **does)


def machine(folder: Path, *launcher: str) -> Machine:
    return Machine("cpu", folder / "home" / "scratch", launcher)


def train(trainers: Trainers, job: Job, folder: Path, number: int = 1) -> Any:
    model = np.zeros(job.layout.values, np.int32)
    errand = trainers.begin(job, 9, Train(round=number, seed=1), folder / "data", seconds=LONG, model=model)
    assert errand.wait(LONG)
    try:
        return errand.answer()
    finally:
        trainers.close_errand(errand)


def test_a_fresh_process_has_no_key_and_no_socket(make: Callable[..., Job], tmp_path: Path) -> None:
    """What the node has open is not open in it, and what reads keys was never loaded."""
    job, keystore = make(train="secrets"), tmp_path / "keystore.json"
    keystore.write_text("{}")
    with socket.socket() as listening, keystore.open() as opened, Trainers(machine(tmp_path)) as trainers:
        listening.listen()
        for descriptor in (listening.fileno(), opened.fileno()):
            os.set_inheritable(descriptor, True)
        assert isinstance(train(trainers, job, tmp_path), TrainedUpdate)
    folder = tmp_path / "home" / "scratch" / job.digest.hex()
    known = (folder / "open").read_text().splitlines()
    assert not [name for name in known if name.startswith("socket:") or "keystore" in name]
    loaded = set((folder / "modules").read_text().splitlines())
    assert "torch" in loaded
    assert not loaded & {"ledger.keys", "eth_account", "web3", "ledger.party.connection", "ledger.chain.client"}


PARENT = """
import sys, time  # noqa: E402
from pathlib import Path  # noqa: E402
import numpy as np  # noqa: E402
from ledger.jobs.document import parse  # noqa: E402
from participant.tasks.machine import Machine  # noqa: E402
from participant.trainer.messages import Train  # noqa: E402
from participant.trainer.trainers import Trainers  # noqa: E402

folder = Path(sys.argv[1])
job = parse((folder / "document").read_bytes())
trainers = Trainers(Machine("cpu", folder / "home" / "scratch"))
model = np.zeros(job.layout.values, np.int32)
errand = trainers.begin(job, 9, Train(round=1, seed=1), folder / "data", model=model)
child = folder / "home" / "scratch" / job.digest.hex() / "child"
while not (child.exists() and child.read_text()):
    time.sleep(0.05)
print(errand.trainer.process.pid, flush=True)
time.sleep(1000)
"""


def test_a_trainer_ends_with_its_node_however_that_ends(make: Callable[..., Job], tmp_path: Path) -> None:
    job = make(train="daemon")
    (tmp_path / "document").write_bytes(job.encode())
    assert parse(job.encode()).digest == job.digest
    node = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with node:
        assert node.stdout is not None
        trainer = int(node.stdout.readline())
        assert is_alive(trainer)
        node.send_signal(signal.SIGKILL)
        node.wait()
    assert gone(trainer)
    assert gone(int((tmp_path / "home" / "scratch" / job.digest.hex() / "child").read_text()))
    assert list((tmp_path / "home" / "work").iterdir()) != []
    with Trainers(machine(tmp_path)):
        assert list((tmp_path / "home" / "work").iterdir()) == [], "what a killed node left is removed"


def test_files_of_a_living_node_stay_whatever_its_number_is_elsewhere(
    make: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In another container no process has its number: a lock says that it lives."""
    with Trainers(machine(tmp_path)) as living:
        errand = living.begin(make(train="sleep"), 9, ReadData(), tmp_path / "data")
        (kept,) = (tmp_path / "home" / "work").iterdir()

        def nobody(*_: int) -> None:
            raise ProcessLookupError

        with monkeypatch.context() as patch:
            patch.setattr(os, "kill", nobody)
            Trainers(machine(tmp_path)).close()
        assert kept.exists()
        assert errand.wait(LONG)
        living.close_errand(errand)
    assert not kept.exists()


DISTRIBUTED = """

class Own(Own):
    def train(self, model, data, round):
        import torch.distributed as together
        together.init_process_group("gloo")
        try:
            sums = torch.tensor([float(together.get_rank() + 1)])
            together.all_reduce(sums)
            with torch.no_grad(): model.bias += sums * 2 ** -10
            return TrainResult(together.get_rank() + 5, 0.5)
        finally:
            together.destroy_process_group()
"""


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this build of torch has no gloo")
def test_a_launcher_starts_several_processes_and_the_first_ones_update_counts(
    make: Callable[..., Job], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wild, "SOURCE", wild.SOURCE + DISTRIBUTED)
    job = make()
    launcher = ("torchrun", "--nproc-per-node=2", "--standalone", "--local-addr=127.0.0.1")
    with Trainers(machine(tmp_path, *launcher)) as trainers:
        trained = train(trainers, job, tmp_path)
    assert isinstance(trained, TrainedUpdate)
    assert trained.weight == 5, "that of rank 0"
    scratch = tmp_path / "home" / "scratch"
    assert sorted(path.name for path in scratch.iterdir()) == [job.digest.hex(), f"{job.digest.hex()}-rank-1"]


def test_a_launcher_that_fails_is_an_error_by_name(make: Callable[..., Job], tmp_path: Path) -> None:
    job = make()
    said = {}
    for launcher in (["no-such-launcher"], [sys.executable, "-c", "import sys; sys.exit('no GPU is free')"]):
        with Trainers(machine(tmp_path, *launcher)) as trainers, pytest.raises(UsageError) as caught:
            train(trainers, job, tmp_path)
        said[caught.value.message] = caught.value.facts
    missing, failed = said
    assert missing.startswith("the launcher cannot be started")
    assert failed == "training ended its process: exit status 1"
    assert "no GPU is free" in str(said[failed]["printed"])
