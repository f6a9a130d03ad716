"""A consortium with rounds of several kinds, and its audits, which compare byte for byte."""

from pathlib import Path
from typing import Any

from msgspec.structs import replace
from support.consortia.synthetic import Trial

from ledger.config import Network
from ledger.party.auditing import AuditRequest, inspect
from ledger.party.connection import Connection

FALSE = bytes(range(32))
LACKING = 3
"""The round that a worker cannot check."""


def audit(network: Network, folder: Path, **how: Any) -> bytes:
    """A visitor's report as JSON, but for what differs from audit to audit: how old the history is, and in which order
    holders were asked for bytes that nobody has.
    """
    with Connection.visit(network, folder) as connection:
        connection.refresh()
        report = inspect(connection, AuditRequest(source=False, **how))
    said = [replace(one, why=" ".join(sorted(one.why.split()))) for one in report.open.list]
    open_ = replace(report.open, list=tuple(said))
    return replace(report, history=replace(report.history, age=0), open=open_).to_json()


def play(trial: Trial) -> None:
    """Three rounds: a right one, one with an aggregate that was refuted, one under way without an update's bytes."""
    for number in range(1, 4):
        trial.consortium.send(number - 1, "ledger", "openRound", trial.number)
        for party in trial.parties:
            party.submit(stored=(number, party.index) != (LACKING, 0))
        trial.look()
        trial.open_updates()
        if number == 2:
            trial.parties[1].publish(root=FALSE)
            trial.attest(0, 2)
            trial.parties[2].publish()
            trial.attest(0, 3)
        elif number == 1:
            trial.parties[0].publish()
            trial.attest(1, 2)
