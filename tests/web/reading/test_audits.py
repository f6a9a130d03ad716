"""Audits that are remembered, and those of others: verified before anything of them is shown."""

import os
from pathlib import Path

import pytest
from msgspec import structs
from support.web.server import AT, get, network, served, view_of
from support.web.signers import handed, world_with
from support.worlds.lies import wrong_value
from support.worlds.world import honest_report

from ledger.audit.report import Report
from ledger.keys import ephemeral
from web.reading.audits.auditors import Auditors
from web.reading.audits.history import MOST, AuditHistory, line_of

HERE = network()
REPORT = wrong_value().audit()


def ours(report: Report) -> Report:
    """The report as one of the ledger in the network file."""
    return structs.replace(report, chain=HERE.chain.id, ledger=HERE.contracts.ledger.address)


def test_audits_are_remembered_through_a_restart_and_no_more_than_so_many(tmp_path: Path) -> None:
    file = tmp_path / "new" / "audits.json"
    kept = AuditHistory(HERE, file)
    assert kept.lines == ()
    for at in range(MOST + 5):
        kept.add(line_of(REPORT, AT + at, 0.5, 1))
    again = AuditHistory(HERE, file).lines
    assert again == kept.lines
    assert (len(again), again[0].at, again[-1].at) == (MOST, AT + MOST + 4, AT + 5)
    assert AuditHistory(HERE).lines == ()


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 100_000, None])
def test_a_history_that_cannot_be_read_begins_again(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "audits.json"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    kept = AuditHistory(HERE, file)
    assert kept.lines == ()
    assert len(kept.add(line_of(REPORT, AT, 0.5, 1))) == 1


def test_a_history_of_another_ledger_begins_again(tmp_path: Path) -> None:
    AuditHistory(HERE, tmp_path / "audits.json").add(line_of(REPORT, AT, 0.5, 1))
    there = structs.replace(HERE, chain=structs.replace(HERE.chain, id=1))
    assert AuditHistory(there, tmp_path / "audits.json").lines == ()


def test_the_page_lists_audits_and_auditors_side_by_side(tmp_path: Path) -> None:
    """A member's report and a stranger's are shown as they say; what is not verified says nothing."""
    member, stranger = ephemeral(), ephemeral()
    world = world_with(member)
    (tmp_path / "a-member.json").write_bytes(handed(ours(honest_report()), member))
    (tmp_path / "b-stranger.json").write_bytes(handed(ours(REPORT), stranger))
    (tmp_path / "c-forged.json").write_bytes(handed(ours(REPORT), stranger).replace(b'\\"no\\"', b'\\"yes\\"', 1))
    (tmp_path / "d-elsewhere.json").write_bytes(handed(REPORT, stranger))
    (tmp_path / "e-<b>.json").write_text("no report")
    (tmp_path / "notes.txt").write_text("not looked at")
    (tmp_path / "f-link.json").symlink_to(tmp_path / "a-member.json")
    os.mkfifo(tmp_path / "g-pipe.json")
    auditors = Auditors(tmp_path, HERE)
    found = auditors.changed()
    assert found is not None
    assert auditors.changed() is None, "nothing has changed since"
    view = view_of(world, known=HERE)
    view.latest.post(reports=found, audits=(line_of(REPORT, AT, 0.5, 1),))
    with served(view) as url:
        document, page = get(url + "/audit.json").json(), get(url + "/audit", headers={"Accept": "text/html"}).text
    told = [
        (one["file"], one["trouble"] == "", one["answers"] and one["answers"]["right"]) for one in document["reports"]
    ]
    assert told == [
        ("a-member.json", True, "yes"),
        ("b-stranger.json", True, "no"),
        ("c-forged.json", False, None),
        ("d-elsewhere.json", False, None),
        ("e-<b>.json", False, None),
    ]
    assert [one["party"] and one["party"]["index"] for one in document["reports"]] == [1, None, None, None, None]
    assert page.count("not verified") == 3
    assert "the report is of another ledger" in page
    assert "<b>.json" not in page
    assert document["audits"][0]["right"] == "no"


def test_a_report_that_comes_later_is_seen_and_one_that_goes_is_gone(tmp_path: Path) -> None:
    auditors = Auditors(tmp_path / "later", HERE)
    assert auditors.changed() == ()
    assert auditors.changed() is None
    (tmp_path / "later").mkdir()
    file = tmp_path / "later" / "one.json"
    file.write_bytes(handed(ours(REPORT), ephemeral()))
    found = auditors.changed()
    assert found is not None
    assert [one.trouble for one in found] == [""]
    file.unlink()
    assert auditors.changed() == ()
