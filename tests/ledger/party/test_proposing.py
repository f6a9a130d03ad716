"""A masked job is proposed in two transactions: whatever stops its proposer between them, the rest is done, once."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import astuple, replace
from support.consortia.synthetic import LIMITS, Trial
from support.worlds.masked_job import MASKED

from ledger.cli.main import fedledger
from ledger.errors import Malformed, Refuted, Rejected, Unavailable
from ledger.events.masks import Masking
from ledger.history.agreement import contradiction
from ledger.jobs.privacy import OPEN, Privacy
from ledger.party.journal import Journal
from ledger.party.masking.proposing import Proposer, propose, tell_costs, tell_masks, untold
from ledger.party.worker import Worker
from ledger.rounds.steps import Wait

Made = Callable[..., Trial]
THREE = replace(LIMITS, min_updates=3)
TERMS = MASKED.masking


class Killed(BaseException):
    """The process ends."""


class Mortal:
    """A sender whose process is killed before or after a call to the contract of masks."""

    def __init__(self, sender: Any, *, after: bool) -> None:
        self._sender, self._after, self.address = sender, after, sender.address

    def send(self, contract: str, function: str, *arguments: Any) -> Any:
        if contract == "masks" and not self._after:
            raise Killed
        receipt = self._sender.send(contract, function, *arguments)
        if contract == "masks":
            raise Killed
        return receipt


@pytest.fixture
def made(found: Callable[..., Any]) -> Iterator[Made]:
    """A job that nobody proposed yet, of three members."""
    trials = []

    def make(privacy: Privacy = MASKED) -> Trial:
        trials.append(Trial(found(3), privacy=privacy, limits=THREE, propose=False))
        return trials[-1]

    yield make
    for trial in trials:
        trial.__exit__()


def told(trial: Trial) -> Masking | None:
    """What the contract was told of the job's masks."""
    masks = trial.parties[0].connection.refresh().masks.get(1)
    return masks.terms if masks else None


def propose_alone(trial: Trial, masking: Masking | None = None) -> None:
    """Propose the job by hand, and tell of these masks."""
    said = map(astuple, (trial.job.terms, trial.job.model_terms))
    trial.consortium.send(0, "ledger", "proposeJob", trial.job.digest, *said)
    if masking is not None:
        trial.consortium.send(0, "masks", "configure", 1, astuple(masking))


def approve(trial: Trial, index: int = 1) -> Result:
    member = trial.consortium.members[index]
    words = ["job", "approve", "1", "--yes", "--unchecked", "--home", str(member.home.folder)]
    return CliRunner().invoke(fedledger, [*words, "--passphrase-file", str(member.passphrase_file)])


def test_a_masked_job_is_proposed_told_and_approved(made: Made) -> None:
    trial = made()
    party = trial.parties[0]
    state = propose(party.connection, party.sender, trial.job)
    assert (state.number, state.proposer, told(trial)) == (1, party.sender.address, TERMS)
    done = approve(trial)
    assert done.exit_code == 0, done.exception
    assert trial.parties[0].connection.refresh().jobs[1].open


def test_an_open_job_is_told_nothing_and_may_be_proposed_twice(made: Made) -> None:
    trial = made(OPEN)
    party = trial.parties[0]
    numbers = [propose(party.connection, party.sender, trial.job).number for _ in range(2)]
    assert (numbers, told(trial)) == ([1, 2], None)


@pytest.mark.parametrize("after", [False, True], ids=["before it is told", "after"])
def test_a_command_that_was_killed_goes_on_when_it_is_repeated(made: Made, *, after: bool) -> None:
    trial = made()
    party = trial.parties[0]
    with pytest.raises(Killed):
        propose(party.connection, Mortal(party.sender, after=after), trial.job)  # type: ignore[arg-type]
    assert told(trial) == (TERMS if after else None)
    state = propose(party.connection, party.sender, trial.job)
    assert told(trial) == TERMS
    assert state.number == (2 if after else 1), "told of all, it is finished: the same again is another job"


def test_the_same_command_finishes_it(made: Made, tmp_path: Any) -> None:
    trial = made()
    propose_alone(trial)
    member = trial.consortium.members[0]
    (tmp_path / "job.json").write_bytes(trial.job.encode())
    words = ["job", "propose", str(tmp_path / "job.json"), "--no-wait", "--home", str(member.home.folder)]
    done = CliRunner().invoke(fedledger, [*words, "--passphrase-file", str(member.passphrase_file)])
    assert done.exit_code == 0, done.exception
    assert "proposed as job 1" in done.stdout
    assert told(trial) == TERMS


def test_the_proposers_node_finishes_it_and_no_other(made: Made, tmp_path: Any) -> None:
    trial = made()
    propose_alone(trial)
    for party in trial.parties[::-1]:
        assert told(trial) is None
        history = party.connection.refresh()
        worker: Worker = Proposer(party.connection, party.sender, Journal(tmp_path / "log", print))
        for state in list(untold(history, party.sender.address)):
            for _ in range(10):
                if not isinstance(worker.advance(history, state, 0, 0), Wait):
                    break
                party.connection.documents.settle(1)
    assert told(trial) == TERMS
    party = trial.parties[0]
    state = party.connection.refresh().jobs[1]
    assert contradiction(trial.job, state, party.connection.history.masks.get(1)) is None
    assert tell_masks(party.connection, party.sender, state, trial.job) is False
    assert tell_costs(party.connection, party.sender, state, trial.job) is False


def test_who_comes_second_takes_the_others_word_as_done(made: Made) -> None:
    """Command and node of one home may tell at once: the contract refuses one of them, and nothing is wrong."""
    trial = made()
    propose_alone(trial)
    party = trial.parties[0]
    state = party.connection.refresh().jobs[1]
    trial.consortium.send(0, "masks", "configure", 1, astuple(TERMS))
    assert tell_masks(party.connection, party.sender, state, trial.job) is False
    assert told(trial) == TERMS


def test_a_refusal_that_leaves_it_untold_is_raised(made: Made) -> None:
    trial = made()
    propose_alone(trial)
    other = trial.parties[1]
    state = other.connection.refresh().jobs[1]
    with pytest.raises(Rejected, match="only its proposer makes a job masked"):
        tell_masks(other.connection, other.sender, state, trial.job)


def test_no_member_approves_masks_that_the_contract_was_not_told_of(made: Made) -> None:
    trial = made()
    propose_alone(trial)
    refused = approve(trial).exception
    assert isinstance(refused, Unavailable), refused
    assert "the job's proposer told the contract of none" in refused.message
    assert "fedledger job propose" in refused.advice
    assert not trial.parties[0].connection.refresh().jobs[1].open


@pytest.mark.parametrize("field", ["smallest", "set_seconds", "share_seconds"])
def test_no_member_approves_other_masks_than_the_documents(made: Made, field: str) -> None:
    trial = made()
    propose_alone(trial, replace(TERMS, **{field: 99}))
    refused = approve(trial).exception
    assert isinstance(refused, Refuted), refused
    assert refused.message == f"document and contract disagree on the masks: {field}"
    assert refused.facts == {"expected": getattr(TERMS, field), "actual": 99}


def test_no_member_approves_an_open_job_with_masks(made: Made) -> None:
    trial = made(OPEN)
    propose_alone(trial, TERMS)
    refused = approve(trial).exception
    assert isinstance(refused, Refuted), refused
    assert refused.message == "the contract was told of masks, and the document asks for none"


def test_no_node_takes_part_where_a_majority_approved_without_looking(made: Made, tmp_path: Any) -> None:
    trial = made()
    propose_alone(trial)
    trial.consortium.send(1, "ledger", "approveJob", 1, trial.job.digest)
    party = trial.parties[0]
    worker = Proposer(party.connection, party.sender, Journal(tmp_path / "log", print))
    state = party.connection.refresh().jobs[1]
    assert state.open
    party.connection.documents.settle(60)
    with pytest.raises(Malformed, match="told the contract of none: no round of it can be verified"):
        for _ in range(10):
            try:
                worker.document(state)
            except Unavailable:
                party.connection.documents.settle(1)


def test_job_show_says_how_updates_are_protected(made: Made) -> None:
    trial = made()
    propose_alone(trial, TERMS)
    home = str(trial.consortium.members[0].home.folder)
    text = " ".join(CliRunner().invoke(fedledger, ["job", "show", "1", "--home", home]).stdout.split())
    assert "masked: updates are read as a sum of 3 or more, not one by one" in text
    assert "keys are dealt for 16 rounds" in text
    assert "masks hide from everyone, whose part in a sum is which" in text
    assert "more than two thirds of the members together can read every update" in text
