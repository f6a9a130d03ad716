"""An audit of a live chain holds the log against proved storage: what a node says beside it does not count."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from support.consortia.synthetic import Trial

from demo.lying_node import Edit, Forge, Log, lying, number, topic
from ledger.audit.context import CHAIN_NODE
from ledger.audit.report import Check, Report
from ledger.chain.views import encode_view
from ledger.party.auditing import AuditRequest, inspect
from ledger.party.connection import Connection

LATE = 2
NO_PROOFS = ("eth_getProof", "eth_getBlockReceipts", "eth_getTransactionReceipt")
NO_STORAGE = ("eth_getProof",)


@pytest.fixture
def trial(consortium: Any) -> Iterator[Trial]:
    """Round 1 is final; in round 2, to which no head reaches yet, one member has committed."""
    with Trial(consortium) as made:
        consortium.send(0, "ledger", "openRound", made.number)
        made.submit()
        made.parties[0].publish()
        made.attest(1, 2)
        consortium.send(1, "ledger", "openRound", made.number)
        made.parties[LATE].submit()
        yield made


def audit(
    trial: Trial, folder: Path, edit: Edit = list, forge: Forge | None = None, refuse: tuple[str, ...] = ()
) -> Report:
    """By a visitor, of a node that lies."""
    network = trial.consortium.network
    with lying(network.chain.rpc, edit, refuse, forge) as url:
        told = replace(network, chain=replace(network.chain, rpc=url))
        with Connection.visit(told, folder) as connection:
            connection.refresh()
            return inspect(connection, AuditRequest(source=False))


def hidden(trial: Trial) -> tuple[Edit, Forge]:
    """What hides the late commitment: its log is left out, and the view says what it said before."""
    client, key = trial.consortium.client, trial.parties[LATE].sender.address
    asked_for = encode_view("ledger", "commitmentBy", (trial.number, key))
    opening = trial.state.rounds[1].commitments
    said = next(one.digest for one in opening.values() if one.party == key)
    before = "0x" + (said.ljust(32, b"\0") + (1).to_bytes(32)).hex()
    assert client.commitment(trial.number, key)[1] == 2

    def edit(logs: list[Log]) -> list[Log]:
        return [log for log in logs if log["topics"][0] != topic("UpdateCommitted") or number(log) == 1]

    def forge(asked: dict[str, Any], result: Any) -> Any:
        return before if asked["method"] == "eth_call" and asked["params"][0]["data"] == asked_for else result

    return edit, forge


def altered(asked: dict[str, Any], result: Any) -> Any:
    """Other words than those proved."""
    if asked["method"] != "eth_getProof":
        return result
    return result | {"storageProof": [one | {"value": "0x77"} for one in result["storageProof"]]}


def answer(report: Report) -> tuple[str, str, str]:
    return report.history.storage, report.right.answer, report.lies.answer


def test_a_report_says_how_storage_was_read(trial: Trial, tmp_path: Path) -> None:
    honest = audit(trial, tmp_path / "proved")
    assert answer(honest) == ("proved", "yes", "none")
    plain = audit(trial, tmp_path / "told", refuse=NO_PROOFS)
    assert answer(plain) == ("on the node's word", "yes", "none")
    assert {check: held for check, held in honest.passed.items() if check != Check.RECEIPTS} == plain.passed
    assert honest.passed[Check.RECEIPTS] == honest.history.after > 0
    assert honest.history.receipts == f"proved to block {honest.history.block}"
    assert plain.history.receipts.startswith("could not check: the chain's node refused eth_getTransactionReceipt")
    assert honest.history.seals == plain.history.seals == "not pinned in the network file"


def test_log_and_views_that_lie_together_are_caught_by_proofs_alone(trial: Trial, tmp_path: Path) -> None:
    edit, forge = hidden(trial)
    assert answer(audit(trial, tmp_path / "told", edit, forge, NO_PROOFS)) == ("on the node's word", "yes", "none")
    report = audit(trial, tmp_path / "proved", edit, forge)
    assert (*answer(report), report.exit) == ("proved", "unknown", "none", 3)
    (found,) = [one for one in report.open.list if one.check is Check.HEADS]
    assert (found.fault, "another endpoint" in found.why) == (CHAIN_NODE, True)


def test_a_false_proof_is_the_servers_and_blames_nobody(trial: Trial, tmp_path: Path) -> None:
    report = audit(trial, tmp_path / "false", forge=altered)
    assert (*answer(report), report.exit) == ("falsely proved", "unknown", "none", 3)
    assert {one.answer for one in report.right.claims} == {"unknown"}
    first = next(one for one in report.open.list if one.check is Check.HEADS)
    assert (first.fault, "the word shown is not the one proved" in first.why) == (CHAIN_NODE, True)
    assert "ask another endpoint" in first.why


def test_a_node_between_two_blocks_is_asked_again(trial: Trial, tmp_path: Path) -> None:
    """anvil proves the state of the block that it makes, while its latest is still the one before."""
    proofs: list[int] = []

    def between(asked: dict[str, Any], result: Any) -> Any:
        proofs.extend([1] * (asked["method"] == "eth_getProof"))
        return altered(asked, result) if len(proofs) == 1 else result

    assert answer(audit(trial, tmp_path / "between", forge=between)) == ("proved", "yes", "none")


def test_a_hidden_event_after_the_last_signed_head_is_not_in_the_receipts(trial: Trial, tmp_path: Path) -> None:
    """By a node that proves no storage: what its views say does not matter."""
    edit, forge = hidden(trial)
    report = audit(trial, tmp_path / "told", edit, forge, NO_STORAGE)
    assert (*answer(report), report.exit) == ("on the node's word", "unknown", "none", 3)
    assert report.history.receipts.startswith("false: the node gave")
    (found,) = [one for one in report.open.list if one.check is Check.RECEIPTS]
    assert (found.fault, "ask another endpoint" in found.why) == (CHAIN_NODE, True)


def test_a_ledger_without_a_final_round_is_held_against_receipts_from_its_founding(
    consortium: Any, tmp_path: Path
) -> None:
    with Trial(consortium) as made:
        report = audit(made, tmp_path)
        assert report.passed[Check.RECEIPTS] == report.history.events == report.history.after
