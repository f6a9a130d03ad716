"""Audits that are remembered, and those of others: verified before anything of them is shown."""

import os
from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from support.web.server import AT, get, network, served, snapshot_of, view_of
from support.web.signers import handed, world_with
from support.worlds.lies import wrong_value
from support.worlds.world import World, honest_report

from ledger.audit.report import Report
from ledger.keys import ephemeral
from web.documents.answers import AuditorLine
from web.reading.audits.auditors import Auditors
from web.reading.audits.headers import Headers
from web.reading.audits.history import MOST, AuditHistory, line_of
from web.reading.judged import judged
from web.reading.latest import Audited
from web.reading.snapshot import ended_rounds

HERE = network()
HTML = {"Accept": "text/html"}
REPORT = wrong_value().audit()


def ours(report: Report) -> Report:
    """The report as one of the ledger in the network file."""
    return structs.replace(report, chain=HERE.chain.id, ledger=HERE.contracts.ledger.address)


class Node:
    """A chain node that has the blocks that these reports name, but for those of `others`, and none of `away`."""

    def __init__(self, reports: Iterable[AuditorLine], others: Container[int] = (), away: Container[int] = ()) -> None:
        told = [one.answers for one in reports if one.answers]
        self.blocks = {one.block: bytes.fromhex(one.hash) for one in told if one.block not in away}
        self.blocks |= {block: bytes(32) for block in self.blocks if block in others}
        self.asked = 0

    def block_hash(self, block: int, /) -> bytes | None:
        self.asked += 1
        return self.blocks.get(block)


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


def test_a_block_that_a_report_names_is_a_change_once_the_chain_has_come_to_it(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(handed(ours(REPORT), ephemeral()))
    view = view_of(World().open_job(), known=HERE)
    block = REPORT.history.block
    latest = view.latest
    assert latest.state.snapshot is not None
    latest.post(reports=Auditors(tmp_path, HERE).changed(), snapshot=replace(latest.state.snapshot, block=block - 2))
    serial = latest.state.serial
    for came, changes in ((block - 1, 0), (block, 1), (block + 1, 1)):
        latest.tick(came, AT, AT)
        assert latest.state.serial == serial + changes


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
    view.latest.post(headers=Headers().learn(Node(found), world.history, 1_000, found))
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


def test_a_report_of_another_chain_or_a_fork_is_refused_by_its_auditor_s_name(tmp_path: Path) -> None:
    """The ledger may be the same, and the blocks others: a fork, or another chain under the same id."""
    member = ephemeral()
    world = world_with(member)
    (tmp_path / "one.json").write_bytes(handed(ours(honest_report()), member))
    found = Auditors(tmp_path, HERE).changed()
    assert found is not None and found[0].answers is not None
    block = found[0].answers.block
    view = view_of(world, known=HERE)
    view.latest.post(reports=found)
    for standing, tip, node in (
        ("ahead", block - 1, Node(found)),
        ("unseen", block, Node(found, away={block})),
        ("fork", block, Node(found, others={block})),
        ("verified", block, Node(found)),
    ):
        snapshot = view.latest.state.snapshot
        assert snapshot is not None
        learned = Headers().learn(node, world.history, tip, found)
        view.latest.post(snapshot=replace(snapshot, block=tip), headers=learned or {})
        with served(view) as url:
            (one,) = get(url + "/audit.json").json()["reports"]
            pages = {tongue: get(f"{url}/audit?lang={tongue}", headers=HTML).text for tongue in ("en", "zh-Hant")}
        assert (one["standing"], one["party"]["index"]) == (standing, 1)
        assert (one["answers"] is not None, one["trouble"] == "") == (standing == "verified",) * 2
        for tongue, words in (("en", "another block of that number"), ("zh-Hant", "\u5206\u53c9")):
            assert (words in pages[tongue]) == (standing == "fork"), tongue


def test_blocks_are_asked_for_once_and_again_after_a_reorganisation(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(handed(ours(honest_report()), ephemeral()))
    found = Auditors(tmp_path, HERE).changed()
    assert found is not None
    node, headers, first, second = Node(found), Headers(), world_with().history, world_with().history
    assert headers.learn(node, first, 1_000, found) == node.blocks
    assert headers.learn(node, first, 1_001, found) is None
    assert node.asked == 1
    node.blocks = dict.fromkeys(node.blocks, bytes(32))
    assert headers.learn(node, second, 1_001, found) == node.blocks


def test_a_report_that_is_swapped_for_a_link_or_a_pipe_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between looking at the folder and opening a file of it."""
    (tmp_path / "target").write_bytes(handed(ours(REPORT), ephemeral()))
    (tmp_path / "a.json").symlink_to(tmp_path / "target")
    os.mkfifo(tmp_path / "b.json")
    auditors = Auditors(tmp_path, HERE)
    monkeypatch.setattr(auditors, "_marks", lambda: (("a.json", 0, 1), ("b.json", 0, 1)))
    found = auditors.changed()
    assert found is not None
    assert [one.trouble for one in found] == ["the signed report is a link", "the signed report is not a regular file"]


def test_an_audit_of_a_model_that_a_reorganisation_replaced_is_dropped_at_once() -> None:
    """The round has the same number, and another model."""

    def made(*, updates: Sequence[int] = (0, 1, 2)) -> World:
        return World().open_job().honest_round(updates).honest_round(updates)

    before, other = made(), made(updates=(1, 2))
    view, report = view_of(before), before.audit()
    history = before.history
    about = judged((one.claim for one in report.right.claims), history.jobs, history.decisions)
    audited = Audited(AT, 0.5, ended_rounds(history.jobs), report, judged=about)
    view.latest.post(audited=audited)
    view.latest.post(snapshot=snapshot_of(made()))
    assert view.latest.state.audited is audited, "the same things, read again"
    with served(view) as url:
        assert get(url + "/jobs/1/rounds/2.json").json()["answers"]["right"] == "yes"
        short = snapshot_of(other)
        view.latest.post(snapshot=replace(short, block=report.history.block - 1))
        assert view.latest.state.audited is audited, "the audit is ahead of what was read"
        view.latest.post(snapshot=replace(short, block=report.history.block))
        for path in ("/consortium", "/jobs/1", "/jobs/1/rounds/2", "/jobs/1/models/2"):
            answers = get(f"{url}{path}.json").json()["answers"]
            assert (answers["right"], answers["coverage"], answers["lies"]) == (None, None, []), path
            assert "reorganised" in answers["trouble"]


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


def test_a_page_says_how_files_that_nobody_served_are_had() -> None:
    """The facts below a message are no sentence: they stand with the matter that is open."""
    view = view_of(World().open_job().honest_round())
    audited = view.latest.state.audited
    assert audited is not None and audited.report is not None
    why = "it could not be had: no holder returned block x\n  block: x\n  holders: North: North cannot be reached"
    claims = tuple(structs.replace(one, answer="unknown", why=why) for one in audited.report.right.claims)
    report = structs.replace(
        audited.report, right=structs.replace(audited.report.right, answer="unknown", claims=claims)
    )
    view.latest.post(audited=replace(audited, report=report))
    with served(view) as url:
        for path in ("/", "/jobs/1", "/audit"):
            page = get(url + path, headers=HTML).text
            assert "it could not be had: no holder returned block x</" in page, path
            assert "Members keep the files that are missing here." in page, path
            assert "holders: North" not in page, path
