"""A member names its data for a job, and they are read before it approves the job."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from click.testing import CliRunner, Result
from support.consortia.synthetic import Trial
from support.consortia.trainers import data_of, train_on, write_data

from ledger.cli.main import fedledger
from ledger.errors import UsageError

pytestmark = pytest.mark.node


@pytest.fixture
def proposed(found: Callable[..., Any]) -> Iterator[Trial]:
    """A job that one member of three approves."""
    with Trial(found(3), propose=False) as trial:
        train_on(trial, rounds=1, propose=False)
        said = map(msgspec.structs.astuple, (trial.job.terms, trial.job.model_terms))
        trial.parties[0].sender.send("ledger", "proposeJob", trial.job.digest, *said)
        trial.number = 1
        yield trial


def call(trial: Trial, *words: str, index: int = 1) -> Result:
    return CliRunner().invoke(fedledger, [*words, "--home", str(trial.consortium.members[index].home.folder)])


def approve(trial: Trial, *options: str) -> Result:
    passphrase = str(trial.consortium.members[1].passphrase_file)
    return call(trial, "job", "approve", "1", "--yes", *options, "--passphrase-file", passphrase)


def test_data_that_do_not_fit_a_job_stop_its_approval(proposed: Trial) -> None:
    path = data_of(proposed.parties[1])
    good = path.read_text()
    path.write_text(good.replace("low", "lwo", 1))
    refused = approve(proposed)
    assert isinstance(refused.exception, UsageError), refused.exception
    facts = refused.exception.facts
    assert (facts["file"], facts["value"], facts["job"]) == (str(path), "'lwo'", 1)
    assert int(str(facts["line"])) >= 2
    assert refused.exception.advice
    assert not proposed.state.open
    path.write_text(good)
    approved = approve(proposed)
    assert approved.exit_code == 0, approved.exception
    assert "job 1: the data can be read: 24 rows" in approved.stderr
    assert proposed.state.open


def test_a_job_may_be_approved_unchecked(proposed: Trial) -> None:
    data_of(proposed.parties[1]).write_text("nothing that fits\n")
    assert approve(proposed, "--unchecked").exit_code == 0
    assert proposed.state.open


def test_a_file_is_named_once_it_can_be_read(proposed: Trial) -> None:
    home = proposed.consortium.members[1].home
    before = home.settings()
    wrong = home.folder / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    refused = call(proposed, "node", "data", "1", str(wrong))
    assert isinstance(refused.exception, UsageError)
    assert home.settings() == before
    right = write_data(home.folder / "right.csv", 5, rows=31)
    named = call(proposed, "node", "data", "1", str(right))
    assert "the data for job 1: " in named.stdout, named.exception
    assert "the data can be read: 31 rows" in named.stdout
    assert home.settings().data == {"default": before.data, "1": str(right)}
