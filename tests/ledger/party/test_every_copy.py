"""An audit of every copy says which holders it could not read: "could not check" is never "checked"."""

from pathlib import Path
from typing import Any

import pytest
from support.consortia.synthetic import Trial

from demo.damage import damage
from ledger.audit.found import Found
from ledger.audit.report import Check, Open, Report
from ledger.party.auditing import AuditRequest, inspect
from ledger.party.connection import Connection
from ledger.party.upkeep.every_copy import read_every_copy

SILENT = 3


def audit(trial: Trial, folder: Path) -> Report:
    with Connection.visit(trial.consortium.network, folder) as connection:
        connection.refresh()
        return inspect(connection, AuditRequest(source=False, copies=True))


def of_copies(report: Report) -> list[Open]:
    return [one for one in report.open.list if one.check is Check.COPIES]


@pytest.mark.parametrize("silent", [False, True])
def test_a_holder_that_does_not_answer_is_open_and_nobodys_fault(consortium: Any, tmp_path: Path, silent: bool) -> None:
    with Trial(consortium) as trial:
        consortium.send(0, "ledger", "openRound", trial.number)
        trial.submit()
        for party in trial.parties:
            party.vouch()
        trial.parties[0].publish()
        trial.attest(1, 2)
        whole = audit(trial, tmp_path / "before").passed[Check.COPIES]
        if silent:
            trial.parties[SILENT].serving.close()
        report = audit(trial, tmp_path / "after")
    if not silent:
        assert report.right.answer == "yes"
        assert (report.passed[Check.COPIES], of_copies(report)) == (whole, [])
        return
    assert report.passed[Check.COPIES] < whole
    (one,) = of_copies(report)
    assert one.what == f"the copies that {one.holder} holds"
    assert one.why is not None and one.why.startswith("it did not answer: ")
    assert one.fault is None


def test_fewer_copies_than_are_to_be_kept_are_open_and_nobodys_fault(consortium: Any, tmp_path: Path) -> None:
    with Trial(consortium) as trial:
        consortium.send(0, "ledger", "openRound", trial.number)
        trial.submit()
        trial.parties[0].publish()
        trial.attest(1, 2)
        report = audit(trial, tmp_path)
    assert report.right.answer == "yes", "copies decide no claim"
    found = of_copies(report)
    assert found
    assert {(one.job, one.round, one.fault) for one in found} == {(trial.number, 1, None)}
    assert all("of 2 that are to be kept were found" in one.why for one in found)


def test_the_own_gateway_is_no_other_holder(consortium: Any, tmp_path: Path) -> None:
    """A member that audits counts and blames its own copies once, whoever else is said to serve them."""
    with Trial(consortium) as trial:
        consortium.send(0, "ledger", "openRound", trial.number)
        trial.submit()
        for party in trial.parties:
            party.vouch()
        facts = trial.parties[1].facts
        (cid,) = [entry.cid for entry in facts.entries if entry.update.index == 0]
        home = consortium.members[1].home
        with Connection.open(home) as connection:
            connection.refresh()
            there = read_every_copy(connection, Found(), [cid], lambda size: None)
            assert (there.answering, there.files[cid]) == (len(trial.parties) - 1,) * 2
        damage(home.store, cid, 5)
        with Connection.open(home) as connection:
            connection.refresh()
            there = read_every_copy(connection, Found(), [cid], lambda size: None)
            assert (there.answering, there.files[cid]) == (len(trial.parties) - 1,) * 2
            assert [copy.holder for copy in connection.bad_copies] == [connection.holders.local.name]
        with Connection.visit(consortium.network, tmp_path) as connection:
            connection.refresh()
            there = read_every_copy(connection, Found(), [cid], lambda size: None)
            assert (there.answering, there.files[cid]) == (len(trial.parties),) * 2
