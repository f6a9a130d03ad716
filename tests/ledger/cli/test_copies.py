"""`fedledger store prune` and `heal`, as a member calls them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.consortia.synthetic import Trial

from demo.damage import damage
from ledger.cli.main import main
from ledger.party.pins import update_pin
from ledger.party.upkeep.pruning import Prunable, Pruning
from ledger.store import packs
from ledger.store.embedded import Embedded

Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs a store command with --json: exit code, its document, errors."""

    def call(*arguments: object) -> tuple[int, Any, str]:
        code: object = 0
        try:
            main(["store", *map(str, arguments), "--json"])
        except SystemExit as end:
            code = end.code
        out, err = capfd.readouterr()
        return int(str(code or 0)), json.loads(out.splitlines()[-1]) if out.strip() else None, err

    return call


def test_a_member_prunes_nothing_that_is_its_to_keep_and_is_told_so(consortium: Any, run: Run) -> None:
    with Trial(consortium) as trial:
        consortium.send(0, "ledger", "openRound", trial.number)
        trial.submit()
        trial.parties[1].vouch()
        home = consortium.members[1].home.folder
        code, said, told = run("prune", "--home", home)
    assert code == 0
    assert (said["unpinned"], said["removed"], said["alone"]) == ([], [], [])
    assert said["stays"]["update"] == len(trial.round.updates)
    assert "An audit reads every update" in told


def test_pruning_reports_the_bytes_that_left_the_disk(
    consortium: Any, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of files that were stored together none leaves the disk before the last does."""
    with Trial(consortium):
        home = consortium.members[1].home
        store = Embedded(home.store)
        together = store.put_all([("update/9/1/1", b"one"), ("update/9/1/2", b"other")])
        alone = store.put([bytes(1000)], "update/9/1/3")
        goes = {"update/9/1/1": together[0], "update/9/1/3": alone}
        size = (store.packs / packs.name_of(alone)).stat().st_size
        store.close()
        monkeypatch.setattr(Pruning, "plan", lambda pruning: Prunable(goes, size=5000))
        code, said, _ = run("prune", "--yes", "--home", home.folder)
    assert code == 0
    assert (said["unpinned"], said["removed"]) == (sorted(goes), [str(alone)])
    assert said["bytes"] == size


def test_what_is_damaged_is_had_again_from_another_member(consortium: Any, run: Run) -> None:
    with Trial(consortium) as trial:
        consortium.send(0, "ledger", "openRound", trial.number)
        trial.submit()
        trial.parties[1].vouch()
        home = consortium.members[1].home
        facts = trial.parties[1].facts
        (other,) = [entry for entry in facts.entries if entry.update.index == 0]
        damage(home.store, other.cid, 5)
        code, said, _ = run("heal", "--home", home.folder)
        assert code == 0
        assert [(one["pin"], one["trouble"]) for one in said["files"]] == [(update_pin(trial.number, 1, 0), "")]
        assert run("heal", "--home", home.folder)[1]["files"] == []
        damage(home.store, other.cid, 5)
        for party in trial.parties:
            party.serving.close()
        code, said, errors = run("heal", "--home", home.folder)
    assert code == 3
    assert said["files"][0]["trouble"]
    assert "could not be had again" in errors
