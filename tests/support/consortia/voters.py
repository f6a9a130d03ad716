"""Four members of a consortium on a chain of its own, with two finalised models, deciding by the commands."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from support.consortia.aggregators import drive, service
from support.consortia.founded import Neighbours
from support.consortia.synthetic import Trial

from demo.anvil import find_binary
from demo.consortium import found
from ledger.cli.main import fedledger
from ledger.errors import FedledgerError, UsageError
from ledger.events.records import Role
from ledger.jobs.scores import Scoring
from ledger.releases.report import Evaluation, PartyFigures, RoundFigures

NAMES = ("North", "South", "East", "West")
BOTH = Role.PARTICIPANT | Role.AGGREGATOR


class Council(Neighbours):
    """The consortium, as a trial wants it, and its members' commands."""

    trial: Any = None

    def pass_time(self, seconds: int) -> None:
        self.client.rpc.call("evm_increaseTime", seconds)
        self.client.rpc.call("evm_mine")

    def home(self, index: int) -> tuple[str, ...]:
        return ("--home", str(self.members[index].home.folder))

    def key(self, index: int) -> tuple[str, ...]:
        return (*self.home(index), "--passphrase-file", str(self.members[index].passphrase_file))

    def propose(self, *arguments: object, by: int = 0, audit: bool = False) -> int:
        """Propose a release; the proposal's number."""
        checked = () if audit else ("--no-audit",)
        return int(said("release", "propose", *arguments, *checked, *self.key(by), "--json")["proposal"])

    def decide(self, number: int, *choices: str) -> None:
        """Vote, the first members first, and, where it passes, carry it out."""
        for index, choice in enumerate(choices or ("for", "for", "for")):
            run("proposal", "vote", number, choice, "--yes", *self.key(index))
        run("proposal", "close", number, *self.key(3))
        self.pass_time(2)
        run("proposal", "execute", number, *self.key(3))

    def release(self, name: str, version: str, round_: int = 2, *options: object) -> int:
        """Have a model released; the number of its proposal."""
        number = self.propose(round_, name, version, *options)
        self.decide(number)
        return number

    def report(self, *indices: int, round_: int = 2) -> Evaluation:
        """What these members say of a model."""
        final = self.trial.state.rounds[round_].final
        parties = [
            PartyFigures(
                party=m.name,
                key=m.address,
                samples=10,
                rows="own_file",
                metrics={"accuracy": "0.9", "loss": "0.25"},
                rounds=tuple(RoundFigures(round=n, metrics={"accuracy": f"0.{n}"}) for n in range(1, round_)),
            )
            for m in (self.members[index] for index in indices or (0,))
        ]
        return Evaluation(
            fedledger="evaluation/1",
            chain=self.network.chain.id,
            ledger=self.network.contracts.ledger.address,
            job=1,
            round=round_,
            root=final.root.hex(),
            parties=tuple(sorted(parties, key=lambda party: (party.party, party.key))),
        )


def two_rounds(trial: Trial) -> None:
    """Finalise two rounds of the trial's job."""
    honest = service(trial.parties[0])
    for _ in range(2):
        drive(honest)
        trial.submit()
        trial.vouch()
        drive(honest)
        trial.attest(1, 2)


@contextmanager
def council(folder: Path, scoring: Scoring | None = None) -> Iterator[Council]:
    """A council whose job has two finalised rounds; with `scoring`, one that makes scores, and all can give them."""
    try:
        find_binary()
    except UsageError as error:
        pytest.skip(str(error))
    local = found(folder, "Four houses", [(name, BOTH | Role.SCORER if scoring else BOTH) for name in NAMES])
    try:
        made = Council(local)
        with Trial(made, scoring=scoring) as trial:
            made.trial = trial
            two_rounds(trial)
            yield made
        made.client.close()
    finally:
        local.stop()


def run(*arguments: object, fails: type[FedledgerError] | int | None = None, **options: Any) -> Result:
    """A command, as a person types it; `fails` is the error it must end with, or the exit code of wrong usage."""
    result = CliRunner().invoke(fedledger, [str(argument) for argument in arguments], **options)
    if fails is None:
        assert result.exception is None, (result.exception, result.output)
    elif isinstance(fails, int):
        assert result.exit_code == fails, (result.exception, result.output)
    else:
        assert isinstance(result.exception, fails), (result.exception, result.output)
    return result


def said(*arguments: object, **options: Any) -> Any:
    """What a command with --json prints."""
    return json.loads(run(*arguments, **options).stdout)


def refused(kind: type[FedledgerError], *arguments: object) -> FedledgerError:
    """The error that a command ends with; every one names the way out."""
    error = run(*arguments, fails=kind).exception
    assert isinstance(error, FedledgerError)
    assert error.advice, error
    return error
