"""Norms of updates: shown as an audit computed them, with who did; nothing is shown before."""

import re
from pathlib import Path

import pytest
from msgspec import structs
from support.web.server import AT, get, network, served, view_of
from support.web.signers import handed, rotate
from support.worlds.world import World, honest_report

from ledger.audit.found import MOST_MEASURED
from ledger.audit.report import MeasuredRound, Report
from ledger.audit.signed_report import CheckedReport
from ledger.keys import ephemeral
from web.drawing.filters import number
from web.reading.audits.auditors import Auditors
from web.reading.latest import Audited
from web.reading.ledger import Reading
from web.reading.updates.norms import norm, round_squares, signed_norms
from web.view import View

HTML = {"Accept": "text/html"}
HERE = network()


def ours(report: Report, *measured: MeasuredRound) -> Report:
    """The report as one of the ledger in the network file, that measured this."""
    place = {"chain": HERE.chain.id, "ledger": HERE.contracts.ledger.address}
    return structs.replace(report, **place, measured=measured or report.measured)


def pages(view: View) -> tuple[dict[str, object], dict[str, object], str]:
    """The documents of round and weights, and the round's page."""
    with served(view) as url:
        one, both = get(url + "/jobs/1/rounds/1.json").json(), get(url + "/jobs/1/weights.json").json()
        return one, both, get(url + "/jobs/1/rounds/1", headers=HTML).text


@pytest.mark.parametrize(
    ("squares", "expected"),
    [
        ("0", "0.000"),
        ("1", "1.000"),
        ("2", "1.414"),
        ("2000000000000", "1414213.562"),
        ("9" * 29, "316227766016837.933"),
    ],
)
def test_a_norm_is_the_exact_root_cut_after_three_places(squares: str, expected: str) -> None:
    assert norm(squares) == expected


def test_before_an_audit_nothing_is_measured() -> None:
    view = view_of(World().open_job().honest_round(), known=HERE)
    view.latest.post(audited=None)
    one, both, page = pages(view)
    assert (one["norms"], both["norms"]) == (None, [])
    assert "Not measured: an audit computes them" in page


def test_an_audit_of_this_server_has_each_update_s_norm() -> None:
    world = World().open_job().honest_round()
    view, report = view_of(world, known=HERE), world.audit()
    view.latest.post(audited=Audited(AT, 0.1, {1: 1}, report))
    one, both, page = pages(view)
    squares = report.measured[0].squares
    assert (
        one["norms"]
        == both["norms"][0]
        == {  # type: ignore[index]
            "round": 1,
            "auditor": None,
            "party": None,
            "parts": [{"index": n, "norm": norm(text), "squares": text} for n, text in squares.items()],
        }
    )
    assert "Computed by this server" in page and f">{number(norm(squares[0]))}<" in page
    with served(view) as url:
        table = get(url + "/jobs/1/weights/figures.csv?figure=norms").text
        member = get(url + "/members/0.json").json()["rounds"][0]["update"]
        assert get(url + "/jobs/1/weights/figures.svg?figure=norms").status_code == 200
    assert norm(squares[0]) in table
    assert (member["norm"], member["share"]) == (norm(squares[0]), 250_000)


def test_another_auditor_s_norms_are_shown_under_its_name(tmp_path: Path) -> None:
    """Only where its block is of this chain; of members that have no update in the round nothing."""
    member, stranger = ephemeral(), ephemeral()
    world = World().open_job().honest_round()
    rotate(world, 1, member.address)
    said = MeasuredRound(1, 1, {0: "16", 200: "25"}), MeasuredRound(1, 9, {0: "1"})
    (tmp_path / "a.json").write_bytes(handed(ours(world.audit(), *said), member))
    (tmp_path / "b.json").write_bytes(handed(ours(world.audit(), MeasuredRound(1, 1, {0: "81"})), stranger))
    auditors = Auditors(tmp_path, HERE)
    view = view_of(world, known=HERE)
    view.latest.post(reports=auditors.changed(), norms=auditors.norms, audited=None)
    assert pages(view)[0]["norms"] is None
    read = world.audit().history
    view.latest.post(headers={read.block: bytes.fromhex(read.hash.removeprefix("0x"))})
    one, _, page = pages(view)
    found = one["norms"]
    assert (found["auditor"], found["party"]["key"]) == (member.address, member.address)  # type: ignore[index]
    assert found["parts"] == [{"index": 0, "norm": "4.000", "squares": "16"}]  # type: ignore[index]
    assert re.search(r"Computed by <a class=\"party\" href=\"/members/\d+\"", page)


def test_reports_that_measure_too_much_are_cut() -> None:
    many = [MeasuredRound(1, number, dict.fromkeys(range(255), "1")) for number in range(1, 301)]
    empty = [MeasuredRound(2, number, {}) for number in range(1, MOST_MEASURED + 10)]
    first, second = (CheckedReport(ours(honest_report(), *many), key) for key in ("0xA", "0xB"))
    found = signed_norms([first, second])
    assert len(found) == MOST_MEASURED // 255
    assert {tuple(one.auditor for one in both) for both in found.values()} == {("0xA", "0xB")}, "each has its own bound"
    assert len(signed_norms([CheckedReport(ours(honest_report(), *empty), "0xA")])) == MOST_MEASURED


def test_a_report_that_counts_nothing_hides_none_that_does(tmp_path: Path) -> None:
    """By name, a fork's report comes first, then a stranger's, then that of a key that its member has no more."""
    world = World().open_job().honest_round()
    former, member, stranger = ephemeral(), ephemeral(), ephemeral()
    for key in (former, member):
        rotate(world, 1, key.address)
    report = ours(world.audit(), MeasuredRound(1, 1, {0: "16"}))
    fork = structs.replace(report, history=structs.replace(report.history, hash="0x" + "ee" * 32))
    other = structs.replace(report, measured=(MeasuredRound(1, 1, {0: "81"}),))
    block, hash_ = report.history.block, bytes.fromhex(report.history.hash.removeprefix("0x"))
    files = {"0": (fork, member), "1": (other, stranger), "2": (other, former), "3": (report, member)}
    for name, (said, key) in files.items():
        (tmp_path / f"{name}.json").write_bytes(handed(said, key))
    view = view_of(world, known=HERE)
    for left_out, auditor in ((None, member), ("3", stranger), ("1", former), ("2", None)):
        (tmp_path / f"{left_out}.json").unlink(missing_ok=True)
        auditors = Auditors(tmp_path, HERE)
        view.latest.post(reports=auditors.changed(), norms=auditors.norms, audited=None, headers={block: hash_})
        squares = round_squares(Reading(HERE, view.latest.state), 1, 1)
        assert (squares and squares.auditor) == (auditor and auditor.address)
