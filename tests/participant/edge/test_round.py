"""Rounds with edges on a real chain: clients over HTTP, nodes that register sums, and an audit."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia.aggregators import service
from support.consortia.edge_services import Client, clients, edges_of, serving
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, node, notes

from ledger.formats.edges.children import Children
from ledger.history.state import Phase
from ledger.party.auditing import AuditRequest, inspect
from ledger.rounds.admission import Verdict
from participant.edge.client.home import ClientHome
from participant.edge.collected import EdgeFolder

pytestmark = pytest.mark.node
MEMBERS = 3


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Trial]:
    with Trial(found(MEMBERS), propose=False) as trial:
        yield trial


def test_two_edges_and_a_participant_finish_a_round(trial: Trial, tmp_path: Path) -> None:
    """Six clients behind two edges: sums are registered, everybody attests, and an auditor says yes."""
    everybody = clients(tmp_path / "clients", 6)
    mine, others = everybody[:3], everybody[3:]
    edges_of(trial, {0: [one.signer.address for one in mine], 1: [one.signer.address for one in others]})
    nodes = [node(party, scores=False) for party in trial.parties]
    drive(*nodes)
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    with ExitStack() as stack:
        for index, group in enumerate((mine, others)):
            served = stack.enter_context(serving(trial.parties[index]))
            served.until(lambda desk: desk.collecting())
            for client in group:
                send(client, served.url)
    drive(*nodes)
    trial.open_updates()
    drive(*nodes)
    drive(service(trial.parties[0]), *nodes)
    assert trial.round.phase is Phase.FINALISED, [notes(p.member.home) for p in trial.parties]
    aggregate = trial.round.final
    assert aggregate is not None
    assert set(aggregate.verdicts) == {Verdict.ADMITTED}
    assert len(trial.round.updates) == MEMBERS
    for index, group in enumerate((mine, others)):
        listed = counted(trial, index)
        assert {one.party for one in listed.children} == {one.signer.address for one in group}
    with trial.parties[2].connection as connection:
        connection.refresh()
        report = inspect(connection, AuditRequest(source=False))
    assert report.right.answer == "yes", report.open.list


def send(client: Client, url: str) -> None:
    """One round of a client, from the edge's tasks to the receipt."""
    with ExitStack() as stack:
        client.follow(url, stack).run()
    assert ClientHome(client.home).round(1, 1).receipt() is not None


def counted(trial: Trial, index: int) -> Children:
    folder = EdgeFolder(trial.parties[index].member.home.folder)
    listed = folder.round(1, 1).children()
    assert listed is not None
    return listed
