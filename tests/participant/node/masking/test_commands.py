"""What a member's commands say and do of masks: `node status`, `node mask-key`, `node submit --dry-run`."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from click.testing import CliRunner
from support.consortia.masked import cast, mask_on
from support.consortia.synthetic import Trial
from support.consortia.trainers import data_of, node

from ledger.errors import UsageError
from ledger.events.records import Role
from ledger.history.state import JobState
from participant.cli.node import node as commands
from participant.node.mask_key import rotate
from participant.node.masking.home import MaskHome

pytestmark = pytest.mark.node
MEMBERS = 4
ME = 1


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Trial]:
    with ExitStack() as stack:
        yield mask_on(stack.enter_context(Trial(found(MEMBERS), propose=False)))


def call(trial: Trial, *arguments: str | Path, index: int = ME) -> str:
    home = trial.parties[index].member.home
    result = CliRunner().invoke(commands, [*map(str, arguments), "--home", str(home.folder)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.stdout


def status(trial: Trial) -> tuple[Any, Any]:
    """What `node status` says of the member's key, and of the job's masks."""
    facts = json.loads(call(trial, "status", "--json"))
    return facts["masks"], facts["jobs"][0]["masks"]


def test_status_says_how_masks_stand(trial: Trial) -> None:
    key, job = status(trial)
    assert key == {"key": None, "at_home": False, "trouble": None}
    assert job["part"] == "its segment is not opened"
    assert "no key on the ledger yet" in " ".join(call(trial, "status").split())
    cast(trial, *(node(trial.parties[index], scores=False) for index in range(MEMBERS)))
    key, job = status(trial)
    home = MaskHome(trial.parties[ME].member.home.folder)
    assert home.keys.points() == {bytes.fromhex(key["key"])}
    assert key["at_home"]
    assert (job["segment"], job["round"], job["part"]) == (1, 1, "in the cast")
    shown = " ".join(call(trial, "status").split())
    assert f"key {key['key'][:16]}… on the ledger, its private part at home" in shown
    assert "masks: segment 1: in the cast" in shown
    home.vault.folder.chmod(0o755)
    key, job = status(trial)
    assert "chmod 700" in key["trouble"]
    assert "open to other users" in job["part"]
    home.vault.folder.chmod(0o700)
    home.vault.folder.rename(home.vault.folder.with_name("lost"))
    key, job = status(trial)
    assert (key["at_home"], job["part"]) == (False, "secrets lost")
    assert "NOT at home" in " ".join(call(trial, "status").split())


def test_secrets_of_a_job_that_is_complete_are_not_said_to_be_lost(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast(trial, *(node(trial.parties[index], scores=False) for index in range(MEMBERS)))
    monkeypatch.setattr(JobState, "complete", True)
    _, job = status(trial)
    assert job["part"] == "its rounds are over, and their secrets deleted"


def test_another_mask_key_by_command(trial: Trial) -> None:
    member = trial.parties[ME].member
    first, second = (
        json.loads(call(trial, "mask-key", "--json", "--passphrase-file", member.passphrase_file))["key"]
        for _ in range(2)
    )
    keys = [one.key.hex() for one in trial.parties[0].connection.refresh().mask_keys if one.index == ME]
    assert keys == [first, second]
    assert {point.hex() for point in MaskHome(member.home.folder).keys.points()} == {first, second}
    key, _ = status(trial)
    assert key == {"key": second, "at_home": True, "trouble": None}


def test_a_member_that_does_not_train_takes_none(found: Callable[..., Any]) -> None:
    consortium = found(3, roles=[Role.AGGREGATOR, Role.PARTICIPANT, Role.PARTICIPANT])
    member = consortium.members[0]
    with pytest.raises(UsageError, match="trains no updates"):
        rotate(member.home, member.passphrase_file)
    assert not (member.home.folder / "masks").exists()


def test_a_rehearsal_needs_no_masks_and_uses_no_pad(trial: Trial) -> None:
    said = json.loads(call(trial, "submit", "--dry-run", "--json", "--data", data_of(trial.parties[ME])))
    assert said["verdict"] == "ADMITTED"
    assert (said["root"], said["cid"]) == ("hidden by masks", "hidden by masks")
    assert not (trial.parties[ME].member.home.folder / "masks").exists()
