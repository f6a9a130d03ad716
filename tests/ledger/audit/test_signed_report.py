"""A report under its auditor's signature: read back whole, and refused in any other form or under any other key."""

import json
from typing import Any

import msgspec
import pytest
from support.worlds.lies import wrong_value
from support.worlds.world import World

from ledger.audit.report import Report
from ledger.audit.signed_report import MAX_SIZE, NotSigned, SignedReport, parse, require_ledger, to_sign
from ledger.errors import FedledgerError, Malformed
from ledger.keys import ephemeral
from ledger.keys.signers import LocalSigner


def signed(report: Report, signer: LocalSigner) -> bytes:
    """What `fedledger audit --sign` writes."""
    text = report.to_json()
    signature = signer.sign_typed_data(*to_sign(report, text))
    return SignedReport(
        fedledger="signed-report/1", signer=signer.address, signature="0x" + signature.hex(), report=text.decode()
    ).encode()


@pytest.mark.parametrize("world", [wrong_value(), World().open_job().honest_round()])
def test_a_signed_report_is_read_back_as_it_was_made(world: World) -> None:
    report, signer = world.audit(), ephemeral()
    checked = parse(signed(report, signer))
    assert checked == (report, signer.address)
    assert checked.report.to_json() == report.to_json()
    require_ledger(checked.report, report.chain, report.ledger)


def test_what_is_signed_names_the_answers() -> None:
    report = wrong_value().audit()
    _, _, message = to_sign(report, report.to_json())
    assert {name: message[name] for name in ("asked", "right", "lies", "blockNumber")} == {
        "asked": "everything that stands",
        "right": "no",
        "lies": "pending",
        "blockNumber": 1,
    }


def test_another_ledgers_report_is_refused() -> None:
    report = wrong_value().audit()
    for chain, ledger in ((1, report.ledger), (report.chain, "0x" + "22" * 20)):
        with pytest.raises(NotSigned, match="another ledger"):
            require_ledger(report, chain, ledger)


@pytest.mark.parametrize(
    "change",
    [
        {"signer": "0x2106036446A697EC8998d99BE2D543903A12C5Fc"},
        {"signature": "0x" + "11" * 65},
        {"signature": "0x11"},
        {"signature": "zz"},
        {"fedledger": "signed-report/2"},
        {"more": 1},
        {"report": "[" * 100_000},
        {"report": "{}"},
        {"report": 7},
    ],
    ids=str,
)
def test_a_report_that_was_altered_is_refused(change: dict[str, Any]) -> None:
    document = json.loads(signed(wrong_value().audit(), ephemeral()))
    with pytest.raises((Malformed, NotSigned)):
        parse(json.dumps(document | change).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"exit": 0},
        {"network": "another"},
        {"ledger": "0x"},
        {"ledger": "nothing"},
        {"chain": -1},
        {"asked": {}},
        {"asked": {"job": 1, "all": True}},
        {"right": {"answer": "yes", "claims": []}},
        {"history": {}},
    ],
    ids=str,
)
def test_a_statement_of_a_report_that_was_altered_is_refused(change: dict[str, Any]) -> None:
    document = json.loads(signed(wrong_value().audit(), ephemeral()))
    document["report"] = json.dumps(json.loads(document["report"]) | change)
    with pytest.raises((Malformed, NotSigned)):
        parse(json.dumps(document).encode())


def test_what_is_not_a_signed_report_is_refused_by_name() -> None:
    for data in (b"", b"\xff\xfe", b"[]", b"{}", b"null", b"{" * 100_000, bytes(MAX_SIZE + 1)):
        with pytest.raises(FedledgerError):
            parse(data)


def test_a_report_without_a_block_is_not_signed() -> None:
    report = wrong_value().audit()
    unnamed = msgspec.structs.replace(report, history=msgspec.structs.replace(report.history, hash="0x"))
    with pytest.raises(Malformed, match="does not say what it is about"):
        to_sign(unnamed, b"{}")
