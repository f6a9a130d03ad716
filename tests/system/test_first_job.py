"""Three members at home, and the first job: what one proposes the others can have, or they learn whom to ask for it."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.command import PROGRAM, fedledger
from support.consortia.synthetic import Trial, artifact

from ledger.formats.cid import RAW, Cid
from ledger.jobs.document import Job
from ledger.rounds.facts import initial_binding


@pytest.fixture
def homes(found: Any, tmp_path: Path) -> "Homes":
    """Three homes of one consortium, none of which ever served anything; the first has a job's document and model."""
    with Trial(found(members=3), propose=False) as trial:
        job, model = trial.job, artifact(trial.layout, initial_binding(), trial.initial)
    return Homes(found(members=3), job, model, tmp_path)


class Homes:
    """Commands in the members' homes, each a process of its own."""

    def __init__(self, consortium: Any, job: Job, model: bytes, folder: Path) -> None:
        self.consortium, self.job, self.folder = consortium, job, folder
        self.document = folder / "job.json"
        self.document.write_bytes(job.encode())
        (folder / "model").write_bytes(model)
        assert self.run(0, "store", "add", folder / "model").returncode == 0

    def options(self, index: int) -> list[str]:
        return ["--home", str(self.consortium.members[index].home.folder)]

    def key(self, index: int) -> list[str]:
        return [*self.options(index), "--passphrase-file", str(self.consortium.members[index].passphrase_file)]

    def run(self, index: int, *words: Any) -> "subprocess.CompletedProcess[str]":
        return fedledger(*words, *self.options(index))

    def approve(self, index: int) -> "subprocess.CompletedProcess[str]":
        return fedledger("job", "approve", 1, "--yes", *self.key(index))

    @contextmanager
    def proposing(self) -> "Iterator[subprocess.Popen[str]]":
        """`job propose` of the first member, which has begun to serve."""
        command = [*PROGRAM, "job", "propose", str(self.document), *self.key(0)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stderr is not None
            assert process.stdout.readline() == "proposed as job 1, and approved by this member\n"
            assert "members fetch the model from http://" in process.stderr.readline()
            assert process.stderr.readline() == "1 of 3 members holds the initial model: member 0\n"
            yield process


def test_proposing_serves_until_a_majority_holds_the_model(homes: Homes) -> None:
    with homes.proposing() as process:
        done = homes.approve(1)
        assert (done.returncode, done.stdout) == (0, "approved job 1; it is open\n"), done.stderr
        _, said = process.communicate(timeout=240)
    assert process.returncode == 0
    assert said == "2 of 3 members hold the initial model: member 0, member 1\njob 1 is open\n"


def test_a_proposer_that_stops_says_what_follows_and_others_learn_whom_to_ask(homes: Homes) -> None:
    with homes.proposing() as process:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=240)
    assert process.returncode == 0
    assert "job 1 stays proposed, and 1 of 3 members holds the initial model: member 0" in said
    assert "keep fedledger node run going: members fetch the model from you" in said
    done = homes.approve(1)
    assert (done.returncode, done.stdout) == (3, "")
    assert "the document of job 1 is at no holder that can be reached" in done.stderr
    assert '"member 0", which proposed it, announces http://127.0.0.1:' in done.stderr
    assert "ask it to keep fedledger node run going there" in done.stderr


def test_files_of_a_proposer_that_serves_nothing_are_had_by_hand(homes: Homes) -> None:
    done = fedledger("job", "propose", homes.document, "--no-wait", *homes.key(0))
    assert (done.returncode, done.stdout) == (0, "proposed as job 1, and approved by this member\n"), done.stderr
    files = (("the document", Cid(RAW, homes.job.digest)), ("the initial model", homes.job.initial_cid))
    for what, cid in files:
        refused = homes.approve(1)
        assert refused.returncode == 3
        assert f"{what} of job 1 is at no holder that can be reached" in refused.stderr
        assert '"member 0", which proposed it, announces no gateway' in refused.stderr
        assert f"fedledger store export {cid}" in refused.stderr
        car = homes.folder / f"{cid}.car"
        assert homes.run(0, "store", "export", cid, "-o", car).returncode == 0
        assert homes.run(1, "store", "import", car).returncode == 0
    done = homes.approve(1)
    assert done.returncode == 0, done.stderr


def test_a_proposer_that_nobody_can_dial_is_told_how_its_files_travel(homes: Homes) -> None:
    homes.consortium.members[0].home.settings_file.write_text("[store]\nreachable = false\n")
    done = fedledger("job", "propose", homes.document, *homes.key(0))
    assert done.returncode == 0, done.stderr
    assert "nobody can dial this home" in done.stderr
    for cid in (Cid(RAW, homes.job.digest), homes.job.initial_cid):
        assert f"here fedledger store export {cid} -o" in done.stderr


def test_a_stranger_learns_how_it_is_admitted(homes: Homes, tmp_path: Path) -> None:
    home = ["--home", str(tmp_path / "stranger")]
    (tmp_path / "passphrase").write_text("correct horse\n")
    (tmp_path / "passphrase").chmod(0o600)
    made = fedledger("node", "init", "--light", "--passphrase-file", tmp_path / "passphrase", *home)
    assert made.returncode == 0, made.stderr
    done = fedledger("node", "join", homes.consortium.members[0].home.network_file, *home)
    assert done.returncode == 2
    assert "ask a member to run: fedledger proposal propose admit 0x" in done.stderr
    assert "--name NAME --roles participant" in done.stderr
