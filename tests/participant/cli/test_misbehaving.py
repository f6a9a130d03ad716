"""Whatever a task's code does while a command compares or evaluates, the command ends as it should, and says why."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support import warm, wild
from support.command import PROGRAM
from support.consortia.synthetic import Trial
from support.processes import is_alive

from ledger import keys
from ledger.config import Home
from ledger.errors import UsageError
from ledger.jobs.document import Job, parse
from ledger.party.interrupts import INTERRUPTED
from ledger.party.pins import initial_pin, job_pin
from ledger.store.home import open_store
from participant.jobs.creation import create
from participant.jobs.draft import read
from participant.measuring.comparison import compare
from participant.measuring.evaluation import Evaluator, lines
from participant.measuring.own_rows import OwnRows
from participant.rows.records import RowRecords
from participant.tasks.data.files import DataFiles
from participant.trainer.creation import create as make
from participant.trainer.messages import Compare, Create
from participant.trainer.trainers import Trainers

pytestmark = pytest.mark.node
LONG = 300.0
TASK = 2
"""The exit code where it is the task's fault."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the wild task is installed, for fresh interpreters too; data lie beside it."""
    (folder := tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder))
    for name in ("north", "south", "test"):
        (tmp_path / name).write_text("one\ntwo\n")
    yield folder
    sys.modules.pop("own_wild", None)


@pytest.fixture
def trainers(tmp_path: Path) -> Iterator[Trainers]:
    with warm.trainers(tmp_path / "work") as made:
        yield made


def wanted(folder: Path, job: Job) -> Compare:
    files = (str(folder / "north"), str(folder / "south"))
    task = job.task
    return Compare(
        task=task.name,
        settings=task.settings,
        version=task.version,
        code=task.code,
        files=files,
        test=str(folder / "test"),
        rounds=2,
    )


def test_each_party_is_compared(site: Path, tmp_path: Path, trainers: Trainers) -> None:
    job, told = wild.job(site), list[int]()
    rows = compare(trainers, wanted(tmp_path, job), site / "job.toml", told.append)
    assert [(row.name, row.samples) for row in rows] == [("north alone", 2), ("south alone", 2)]
    assert rows[0].merit.keys() == {"loss", "nothing"}
    assert sum(told) <= 4


@pytest.mark.parametrize(
    ("method", "does", "said"),
    [
        ("load", "exit", "reading the data ended its process: exit status 3"),
        ("train", "crash", "training ended its process: SIGSEGV"),
        ("evaluate", "memory", "evaluating ended its process: SIGKILL"),
        ("train", "interrupt", "task wild failed in train: KeyboardInterrupt: "),
        ("evaluate", "leave", "task wild failed in evaluate: SystemExit: 4"),
    ],
)
def test_a_comparison_that_fails_names_all_that_is_known(
    site: Path, tmp_path: Path, trainers: Trainers, method: str, does: str, said: str
) -> None:
    job = wild.job(site, **{method: does})
    with pytest.raises(UsageError) as caught:
        compare(trainers, wanted(tmp_path, job), site / "job.toml")
    assert caught.value.message == said
    facts = {name: str(value) for name, value in caught.value.facts.items()}
    named = {"load": "load_data"}.get(method, method)
    file = tmp_path / ("test" if method == "evaluate" else "north")
    expected = {"task": "wild", "method": named, "job": str(site / "job.toml"), "file": str(file)}
    assert expected.items() <= facts.items()
    assert facts.get("round") == ("1" if method == "train" else None)


def test_another_release_of_the_task_is_not_compared(site: Path, tmp_path: Path) -> None:
    job = wild.job(site)
    with (
        Trainers(warm.trainers(tmp_path / "work").machine, warm.serve_other_code) as trainers,
        pytest.raises(UsageError, match="another code than the job approved"),
    ):
        compare(trainers, wanted(tmp_path, job), site / "job.toml")


def command(site: Path, tmp_path: Path, *options: str) -> list[str]:
    data = ["--data", str(tmp_path / "north"), "--test", str(tmp_path / "test"), "--rounds", "1"]
    return [*PROGRAM, "node", "compare", "--settings", str(site / "job.toml"), *data, *options]


def test_standard_output_is_the_commands_own(site: Path, tmp_path: Path) -> None:
    """A task that prints, ignores signals and goes elsewhere spoils nothing: one JSON document, exit 0."""
    wild.job(site, train="odd", evaluate="odd")
    done = subprocess.run(
        command(site, tmp_path, "--json"), capture_output=True, text=True, check=False, timeout=LONG, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"][0]["name"] == "north alone"
    assert "not JSON" in done.stderr


def test_an_interrupt_ends_the_task_however_stubborn(site: Path, tmp_path: Path) -> None:
    """Exit 130 is the user's Ctrl-C alone; the process that ignores every signal is gone with the command."""
    wild.job(site, train="stubborn")
    errors = tmp_path / "errors"
    with errors.open("wb") as log, subprocess.Popen(command(site, tmp_path), stderr=log) as process:
        until = time.monotonic() + LONG
        while not (found := re.search(r"it is at it (\d+)\s", errors.read_text())) and time.monotonic() < until:
            time.sleep(0.05)
        assert found, errors.read_text()
        child = int(found[1])
        process.send_signal(signal.SIGINT)
        assert process.wait(LONG) == INTERRUPTED
    assert not is_alive(child)
    assert "Traceback" not in errors.read_text()


@pytest.mark.parametrize(("does", "said"), [("crash", "SIGSEGV"), ("exit", "exit status 3"), ("memory", "SIGKILL")])
def test_a_job_that_cannot_be_made_stores_nothing(
    site: Path, tmp_path: Path, trainers: Trainers, does: str, said: str
) -> None:
    draft, stored = _draft(site, does), list[str]()
    wanted = Create(draft=str(draft), electorate=None, open_set=True)
    with pytest.raises(UsageError) as caught:
        make(trainers, wanted, "wild", lambda pieces, pin: stored.append(pin))  # type: ignore[arg-type,func-returns-value]
    assert caught.value.message == f"building the model ended its process: {said}"
    facts = {name: str(value) for name, value in caught.value.facts.items()}
    assert {"task": "wild", "method": "build_model", "job": str(draft)}.items() <= facts.items()
    assert stored == []


def _draft(site: Path, does: str) -> Path:
    wild.job(site)
    draft = site / "job.toml"
    draft.write_text(draft.read_text().replace("[task.settings]", f'[task.settings]\nbuild = "{does}"'))
    return draft


def test_a_job_is_made_and_said_on_standard_output(site: Path, tmp_path: Path) -> None:
    draft, home = _draft(site, "odd"), tmp_path / "home"
    keys.create(home / "keystore.json", "correct horse", light=True)
    arguments = [*PROGRAM, "job", "create", str(draft), "--home", str(home), "--json"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=LONG, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    job = parse((site / "job.json").read_bytes())
    assert (facts["digest"], facts["initial_model"]) == (job.digest.hex(), job.initial_model.cid)
    with closing(open_store(Home(home))) as store:
        assert set(store.pins()) == {job_pin(job.digest), initial_pin(bytes.fromhex(job.initial_model.root))}


def test_a_check_says_its_own_on_standard_output(site: Path, tmp_path: Path) -> None:
    """Its own process builds models too, once others have come back from that."""
    arguments = [*PROGRAM, "task", "check", "wild", "--settings", str(_draft(site, "odd")), "--json"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=LONG, cwd=tmp_path)
    rules = {one["rule"]: one["held"] for one in json.loads(done.stdout)["rules"]}
    assert rules["model"] is True, done.stderr
    assert "not JSON" in done.stderr


def test_a_check_of_a_task_that_ends_its_process_says_so(site: Path, tmp_path: Path) -> None:
    arguments = [*PROGRAM, "task", "check", "wild", "--settings", str(_draft(site, "crash")), "--json"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=LONG, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (TASK, "")
    assert "building a model ended the process" in done.stderr


@pytest.fixture
def trial(found: Callable[..., Any], site: Path) -> Iterator[Trial]:
    """A member of three with a job of the wild task."""
    with ExitStack() as stack:
        yield stack.enter_context(Trial(found(3), propose=False))


def propose(t: Trial, site: Path, **does: str) -> None:
    wild.job(site, **does)
    t.job = create(read(site / "job.toml"), t.parties[0].connection.put)
    t.propose()


def test_an_evaluation_that_fails_names_all_that_is_known(
    trial: Trial, site: Path, tmp_path: Path, trainers: Trainers
) -> None:
    connection, files = trial.parties[0].connection, DataFiles.at(tmp_path / "test")
    own = OwnRows(connection, trial.parties[0].member.home, RowRecords(tmp_path / "rows"))
    for does, method in (({"load": "crash"}, "load_data"), ({"evaluate": "exit"}, "evaluate")):
        propose(trial, site, **does)
        with pytest.raises(UsageError, match="ended its process") as caught:
            list(lines(Evaluator(own, files, trainers, "own_file"), trial.number, [0]))
        facts = {name: str(value) for name, value in caught.value.facts.items()}
        expected = {"task": "wild", "method": method, "job": str(trial.number), "file": str(tmp_path / "test")}
        assert expected.items() <= facts.items()
        assert facts.get("round") == {"evaluate": "0"}.get(method)
    propose(trial, site, evaluate="odd")
    (line,) = lines(Evaluator(own, files, trainers, "own_file"), trial.number, [0])
    assert line.keys() == {"job", "round", "model", "rows", "loss", "nothing"}


def test_the_command_leaves_key_and_store_alone(trial: Trial, site: Path, tmp_path: Path) -> None:
    propose(trial, site, evaluate="crash")
    home, pins = trial.parties[0].member.home, trial.parties[0].connection.store.pins()
    key = home.keystore.read_bytes()
    arguments = ["node", "evaluate", "--data", str(tmp_path / "test"), "--home", str(home.folder), "--json"]
    done = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=LONG)
    assert (done.returncode, done.stdout) == (TASK, "")
    assert "evaluating ended its process: SIGSEGV" in done.stderr
    assert home.keystore.read_bytes() == key
    assert trial.parties[0].connection.store.pins() == pins
    assert list((home.folder / "work").iterdir()) == []
