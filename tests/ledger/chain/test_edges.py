"""Edges in rounds on a real contract: it takes a sum as it takes any update; each lie is caught by everyone else."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.command import fedledger
from support.consortia.edges import Edge, edges
from support.consortia.synthetic import Trial

from ledger.audit.report import Check, Report
from ledger.history.state import Phase
from ledger.party.auditing import AuditRequest, inspect
from ledger.party.connection import Connection
from ledger.rounds.admission import Verdict

Opened = Callable[..., Any]


@contextmanager
def opened(found: Opened, check: str = "children", members: int = 3) -> Iterator[tuple[Trial, Edge]]:
    """A trial whose first member is an edge, with a round open."""
    with Trial(found(members), hierarchy=edges(0, check=check)) as trial:
        edge = Edge(trial.parties[0])
        trial.parties[1].sender.send("ledger", "openRound", trial.number)
        yield trial, edge


def finish(trial: Trial, **lies: Any) -> None:
    """The others' updates, and the round to its end; `lies` are the aggregator's."""
    for party in trial.parties[1:]:
        party.submit()
    trial.look()
    trial.open_updates()
    trial.parties[1].publish(**lies)
    trial.attest(2)


def audit(trial: Trial, **how: Any) -> Report:
    with Connection.open(trial.parties[1].member.home) as connection:
        connection.refresh()
        return inspect(connection, AuditRequest(source=False, **how))


@pytest.mark.parametrize("check", ["children", "sums"])
def test_a_round_with_an_edge_makes_the_model_of_all_at_once(found: Opened, check: str) -> None:
    with opened(found, check) as (trial, edge):
        children = [edge.child(number, weight=10 + number) for number in range(4)]
        receipts = tuple(edge.receive(one) for one in children)
        edge.submit(children)
        finish(trial)
        final = trial.round.final
        assert trial.round.phase is Phase.FINALISED
        assert final is not None
        assert final.verdicts == bytes(3)
        updates = [(edge_values(edge, one), one.weight) for one in children]
        for party in trial.parties[1:]:
            random = np.random.default_rng([party.index, 1])
            updates.append((random.integers(-(1 << 16), 1 << 16, trial.layout.values), 10))
        total = sum((values.astype(object) * weight for values, weight in updates), np.zeros(610, object))
        whole = sum(weight for _, weight in updates)
        mean = np.where(total < 0, -1, 1) * ((2 * abs(total) + whole) // (2 * whole))
        cid = trial.job.file_of(1, final.cid)
        data = b"".join(bytes(piece) for piece in trial.parties[2].connection.fetch(cid, 0, None))
        assert np.frombuffer(data[trial.layout.header_size :], "<i4").tolist() == (trial.initial + mean).tolist()
        report = audit(trial, children=True, receipts=receipts)
        assert (report.right.answer, report.lies.answer) == ("yes", "none")
        assert report.passed[Check.EDGES] == (4 if check == "children" else 5)


def test_a_false_sum_is_refused_and_the_round_goes_on(found: Opened) -> None:
    with opened(found) as (trial, edge):
        edge.submit([edge.child(number) for number in range(3)], add=1)
        finish(trial)
        assert trial.round.final is not None
        assert list(trial.round.final.verdicts) == [Verdict.EDGE, 0, 0]
        report = audit(trial)
        assert (report.right.answer, report.lies.answer) == ("yes", "none")


def test_an_aggregator_that_admits_a_false_sum_is_refuted(found: Opened) -> None:
    with opened(found, members=4) as (trial, edge):
        edge.submit([edge.child(number) for number in range(3)], add=1)
        for party in trial.parties[1:]:
            party.submit()
        trial.look()
        trial.open_updates()
        trial.parties[1].publish(verdicts=bytes(4))
        trial.attest(2, 3)
        assert trial.round.phase is Phase.AGGREGATING
        report = audit(trial)
        assert {(lie.check, lie.state) for lie in report.lies.list} == {(Check.ADMISSION, "caught")}


def test_an_auditor_that_goes_down_convicts_the_edge_of_a_false_sum(found: Opened) -> None:
    with opened(found, "sums") as (trial, edge):
        edge.submit([edge.child(number) for number in range(3)], add=1)
        finish(trial)
        report = audit(trial, children=True)
        (lie,) = report.lies.list
        assert (lie.check, lie.state, report.right.answer) == (Check.EDGES, "standing", "yes")
        assert lie.key == trial.parties[0].sender.address
        assert lie.evidence.opening is not None


def test_a_receipt_convicts_an_edge_that_left_a_child_out(found: Opened, tmp_path: Path) -> None:
    with opened(found) as (trial, edge):
        children = [edge.child(number) for number in range(4)]
        kept, broken = (edge.receive(one) for one in children[:2])
        edge.submit([children[0], *children[2:]])
        finish(trial)
        files = [tmp_path / name for name in ("kept.json", "broken.json")]
        for path, receipt in zip(files, (kept, broken), strict=True):
            path.write_bytes(receipt.encode() + b"\n")
        home = trial.parties[1].member.home.folder
        asked = [word for path in files for word in ("--edge-receipt", str(path))]
        ran = fedledger("audit", "--home", home, "--no-source", "--json", *asked)
        report = json.loads(ran.stdout)
        (lie,) = report["lies"]["list"]
        assert (lie["check"], lie["state"], report["exit"]) == (17, "standing", 0)
        assert lie["expected"] == broken.encode().decode()
        assert report["passed"]["17"] == 1


def test_a_trace_shows_edges_and_their_children(found: Opened) -> None:
    with opened(found) as (trial, edge):
        children = [edge.child(number, weight=10 + number) for number in range(3)]
        made = edge.submit(children)
        finish(trial)
        home = trial.parties[1].member.home.folder
        document = json.loads(fedledger("trace", "--home", home, "--children", "--json").stdout)
        shown = fedledger("trace", "--home", home, "--children", "--wide").stdout
        dot = fedledger("trace", "--home", home, "--children", "--dot").stdout
    first, *others = document["models"][0]["updates"]
    assert (first["edge"], first["list"]) == (True, str(made.children.cid))
    assert [one["key"] for one in first["children"]] == [one.party for one in made.children.children]
    assert not any("edge" in one for one in others)
    assert "sum of" in shown
    assert all(one.party in shown for one in children)
    assert "sum of 3" in dot


def test_an_edges_update_costs_what_any_update_costs(found: Opened) -> None:
    with opened(found) as (trial, edge):
        edge.submit([edge.child(number) for number in range(3)])
        finish(trial)
        trial.parties[1].sender.send("ledger", "openRound", trial.number)
        edge.submit([edge.child(number) for number in range(3)])
        trial.parties[1].submit()
        gas = [gas_of(trial, made.tx) for made in trial.round.commitments.values()]
        assert max(gas) <= 36_000
        assert abs(gas[0] - gas[1]) < 100


def gas_of(trial: Trial, tx: bytes) -> int:
    receipt = trial.parties[0].connection.client.rpc.call("eth_getTransactionReceipt", "0x" + tx.hex())
    return int(receipt["gasUsed"], 16)


def edge_values(edge: Edge, child: Any) -> np.ndarray:
    layout = edge.job.layout
    cid = edge.job.file_of(1, bytes.fromhex(child.cid))
    data = b"".join(bytes(piece) for piece in edge.party.connection.fetch(cid, layout.header_size, layout.size))
    return np.frombuffer(data, "<i4")
