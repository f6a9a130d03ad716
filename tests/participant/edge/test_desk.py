"""The desk of an edge: what counts has a receipt, and what is refused is refused by name. One test for each lie."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from support.processes import open_in
from support.worlds.edge_site import EDGE, Site, site_of
from support.worlds.edges import child_key
from support.worlds.signing import sign_digest

from ledger.errors import Malformed
from ledger.formats.cid import CHUNK
from ledger.formats.digest import encode
from ledger.formats.edges.children import ChildRecord
from ledger.formats.edges.receipts import EdgeReceipt
from ledger.formats.edges.signed import digest_of
from ledger.formats.unixfs import cid_of
from ledger.history.state import Phase
from ledger.store import disk
from participant.edge.collected import Collected, file_at
from participant.edge.documents import parse_tasks, parse_update
from participant.edge.refusals import NotAClient, RoundClosed, TakenAlready, TooMany
from participant.edge.watch import KEPT, EdgeWatch


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield site_of(tmp_path)


def test_an_update_is_taken_and_its_receipt_is_the_edges(site: Site) -> None:
    child = site.world.child(EDGE, 1)
    receipt = site.send(child)
    assert receipt.child == child
    assert receipt.signer() == site.world.keys[EDGE]
    assert site.collected.find(child.party) == receipt
    assert site.collected.path_of(child.party).read_bytes() == site.bytes_of(child)
    assert not list(site.folder.drafts.iterdir())


def test_the_same_update_again_has_the_same_receipt(site: Site) -> None:
    child = site.world.child(EDGE, 1)
    receipt = site.send(child)
    site.open()
    assert site.send(child) == receipt
    site.collected.close()
    assert site.send(child) == receipt


def test_a_second_update_is_refused_and_both_are_shown(site: Site) -> None:
    first, second = site.world.child(EDGE, 1), site.world.child(EDGE, 1)
    receipt = site.send(first)
    with pytest.raises(TakenAlready) as refused:
        site.send(second)
    assert first.cid in str(refused.value.facts["taken"])
    assert second.cid in str(refused.value.facts["offered"])
    assert site.collected.find(first.party) == receipt
    kept = json.loads((site.collected.folder / f"{first.party}.other").read_bytes())
    assert kept["cid"] == second.cid


def test_of_two_at_once_one_counts(site: Site) -> None:
    """Two different updates of one client, each checked before either is kept."""
    rivals = [site.world.child(EDGE, 1) for _ in range(2)]
    barrier, came = threading.Barrier(2), list[Any]()

    def send(child: ChildRecord) -> None:
        barrier.wait()
        try:
            came.append(site.send(child))
        except TakenAlready as error:
            came.append(error)

    threads = [threading.Thread(target=send, args=(child,)) for child in rivals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, TakenAlready) for one in came) == 1
    assert site.collected.find(rivals[0].party) in came


def test_a_stranger_is_refused(site: Site) -> None:
    with pytest.raises(NotAClient):
        site.send(site.world.child(EDGE, 77))


def test_another_edges_client_is_refused(site: Site) -> None:
    child = site.world.child(EDGE + 1, 1)
    with pytest.raises(NotAClient):
        site.send(_signed_for(site, child))


def _signed_for(site: Site, child: ChildRecord) -> ChildRecord:
    """The child's record, signed by itself for this edge."""
    place, update = site.world.place, child.update(1, site.world.round.number, EDGE)
    return ChildRecord.of(child.party, update, sign_digest(child.party, digest_of(place.chain, place.contract, update)))


def test_a_forged_signature_is_refused(site: Site) -> None:
    child = site.world.child(EDGE, 1)
    forged = site.signed(child, party=child_key(EDGE, 2))
    with pytest.raises(Malformed, match="another's"):
        parse_update(forged.encode())


@pytest.mark.parametrize(
    ("said", "words"),
    [({"chain": 7}, "another chain"), ({"edge": 1}, "another edge"), ({"ledger": "0x" + "11" * 20}, "another ledger")],
)
def test_an_update_for_somewhere_else_is_refused(site: Site, said: dict[str, Any], words: str) -> None:
    with pytest.raises(Malformed, match=words):
        site.desk.find(site.signed(site.world.child(EDGE, 1), **said))


def test_a_round_that_does_not_collect_is_refused(site: Site) -> None:
    with pytest.raises(RoundClosed, match="does not collect"):
        site.desk.find(site.signed(site.world.child(EDGE, 1), round=9))


def test_other_bytes_than_were_signed_are_refused(site: Site) -> None:
    child = site.world.child(EDGE, 1)
    data = bytearray(site.bytes_of(child))
    data[-1] ^= 1
    with pytest.raises(Malformed, match="not those that were signed"):
        site.send(child, bytes(data))
    assert site.collected.find(child.party) is None
    site.send(child)


def test_what_the_job_does_not_admit_is_refused_before_it_counts(site: Site) -> None:
    values = site.world.random.integers(1, 2, site.world.layout.values).astype("<i4")
    values[0] = site.world.job.admission.max_value + 1
    with pytest.raises(Malformed, match="RANGE"):
        site.send(site.world.child(EDGE, 1, values))
    with pytest.raises(Malformed, match="WEIGHT"):
        site.send(site.world.child(EDGE, 2, weight=site.world.job.admission.max_weight + 1))
    with pytest.raises(Malformed, match="ROOT"):
        site.send(site.world.child(EDGE, 3, root=bytes(32)))
    assert site.collected.weights() == {}


def test_a_sum_never_gets_heavier_than_the_job_allows(site: Site) -> None:
    """The edge promises only what it can keep."""
    most = site.world.job.admission.max_weight
    site.send(site.world.child(EDGE, 1, weight=most - 5))
    with pytest.raises(RoundClosed, match="heavier"):
        site.send(site.world.child(EDGE, 2, weight=6))
    site.send(site.world.child(EDGE, 3, weight=5))


def test_requests_for_other_rounds_do_not_make_an_edge_forget_what_it_promised(site: Site) -> None:
    """Anyone can sign for any round: the folders of these are not remembered, those of rounds that collect are."""
    for number in range(4):
        site.send(site.world.child(EDGE, number))
        for round_ in range(2, 80):
            with pytest.raises(RoundClosed):
                site.desk.find(site.signed(site.world.child(EDGE, number), round=round_))
        site.know(site.at.closes)
    assert len(site.desk._rounds) == 1
    with pytest.raises(RoundClosed, match="4 updates"):
        site.send(site.world.child(EDGE, 4))


def test_no_more_children_than_the_job_allows(site: Site) -> None:
    for number in range(4):
        site.send(site.world.child(EDGE, number))
    with pytest.raises(RoundClosed, match="4 updates"):
        site.send(site.world.child(EDGE, 4))


def test_after_its_time_a_round_takes_what_it_still_needs_and_no_more(site: Site) -> None:
    site.know(site.at.closes + 1)
    for number in range(2):
        site.send(site.world.child(EDGE, number))
    with pytest.raises(RoundClosed, match="being made"):
        site.send(site.world.child(EDGE, 2))


def test_a_closed_round_takes_nothing(site: Site) -> None:
    taken = [site.world.child(EDGE, number) for number in range(2)]
    for child in taken:
        site.send(child)
    listed = site.collected.close()
    with pytest.raises(RoundClosed):
        site.send(site.world.child(EDGE, 3))
    assert {one.party for one in listed.children} == {one.party for one in taken}
    assert site.collected.close() == listed


def test_a_client_that_offers_too_often_is_asked_to_wait(site: Site) -> None:
    child = site.signed(site.world.child(EDGE, 1))
    with pytest.raises(TooMany) as busy:
        for _ in range(10):
            site.desk.find(child)
    assert busy.value.seconds > 0


def test_no_more_uploads_than_places(site: Site) -> None:
    places = [site.desk.place(1, str(number)) for number in range(8)]
    for place in places:
        place.__enter__()
    with pytest.raises(TooMany), site.desk.place(1, "8"):
        raise AssertionError("a ninth place")
    for place in places:
        place.__exit__(None, None, None)
    with site.desk.place(1, "8"):
        pass


def test_one_client_never_has_all_the_places(site: Site) -> None:
    """Its uploads may hang; everybody else's are read."""
    with site.desk.place(1, "hangs"), site.desk.place(1, "hangs"):
        with pytest.raises(TooMany, match="this client"), site.desk.place(1, "hangs"):
            raise AssertionError("a third place")
        site.send(site.world.child(EDGE, 1))
    with site.desk.place(1, "hangs"):
        pass


def test_updates_that_come_while_receipts_are_read_are_counted(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a start one request reads the receipts; an update that was taken meanwhile is not forgotten."""
    site.send(site.world.child(EDGE, 0))
    site.open()
    real, collected = Collected.receipts, site.desk._round(*site.at.key)

    def slowly(self: Collected) -> list[EdgeReceipt]:
        found = real(self)
        monkeypatch.setattr(Collected, "receipts", real)
        site.send(site.world.child(EDGE, 1))
        return found

    monkeypatch.setattr(Collected, "receipts", slowly)
    collected.weights()
    for number in (2, 3):
        site.send(site.world.child(EDGE, number))
    with pytest.raises(RoundClosed, match="4 updates"):
        site.send(site.world.child(EDGE, 4))


def test_many_updates_are_read_side_by_side_without_many_open_files(site: Site, tmp_path: Path) -> None:
    """A sum of 2,048 updates is made where a process may open 1,024 files."""
    path = tmp_path / "update"
    path.write_bytes(bytes(3 * CHUNK))
    cid = cid_of([b""])[0]
    reading = [file_at(path)(cid, 0, None) for _ in range(20)]
    assert [len(next(one)) for one in reading] == [CHUNK] * 20
    assert open_in(tmp_path) == []
    assert [sum(map(len, one)) for one in reading] == [2 * CHUNK] * 20
    assert b"".join(bytes(piece) for piece in file_at(path)(cid, CHUNK - 1, CHUNK + 2)) == bytes(3)


def test_a_chain_that_went_back_costs_the_round(site: Site) -> None:
    """What was promised builds on another model: no second receipt is given for the round."""
    site.send(site.world.child(EDGE, 1))
    (site.collected.folder / "base").write_text("ab" * 32)
    with pytest.raises(RoundClosed, match="reorganised"):
        site.send(site.world.child(EDGE, 2))


def test_bytes_of_rounds_that_are_over_do_not_fill_the_disk(site: Site) -> None:
    """Of one that the edge sat out, too: a client that is alone sends one in every round."""
    child = site.world.child(EDGE, 1)
    receipt = site.send(child)
    rounds = {number: SimpleNamespace(phase=Phase.ABANDONED) for number in range(1, KEPT + 2)}
    watch = EdgeWatch(SimpleNamespace(follower=None), "", site.desk, None, 1.0)  # type: ignore[arg-type]
    watch._forget([SimpleNamespace(number=1, rounds=rounds)])  # type: ignore[list-item]
    assert not site.collected.path_of(child.party).exists()
    assert site.collected.find(child.party) == receipt


def test_a_receipt_is_given_once_its_folder_is_on_the_disk(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that loses its power loses a new folder with all that is in it, unless that is waited for."""
    synced, real = list[Path](), disk.sync_folder

    def sync_folder(path: Path) -> None:
        synced.append(path)
        real(path)

    monkeypatch.setattr(disk, "sync_folder", sync_folder)
    site.folder.make()
    site.send(site.world.child(EDGE, 1))
    assert {site.folder.folder.parent, site.folder.folder, site.folder.rounds, site.collected.folder} <= set(synced)


class Killed(Exception):
    """The process ends here."""


def die(*_: Any, **__: Any) -> None:
    raise Killed


@pytest.mark.parametrize("point", ["publish", "write_private", "after"])
def test_killed_at_any_point_a_receipt_that_was_given_is_never_lost(
    site: Site, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """Before the receipt is on disk nobody has it, and the update may come again; afterwards it counts."""
    child, whole = site.world.child(EDGE, 1), site.world.child(EDGE, 2)
    site.send(whole)
    with monkeypatch.context() as patch:
        if point != "after":
            patch.setattr(f"participant.edge.collected.disk.{point}", die)
        else:
            patch.setattr(site.desk._journal, "note", die)
        with pytest.raises(Killed):
            site.send(child)
    site.open()
    taken = site.collected.find(child.party)
    assert (taken is not None) == (point == "after")
    receipt = site.send(child)
    assert taken in (None, receipt)
    listed = site.collected.close()
    assert {one.party for one in listed.children} == {child.party, whole.party}
    made = site.world.sum(EDGE, list(listed.children))[0]
    assert made.children == listed


def test_a_round_that_collects_for_ever_is_none(site: Site) -> None:
    """Its seconds are what a client trains within: more than any clock waits would end it."""
    said = site.desk.tasks
    for seconds, right in ((31_536_000, True), (31_536_001, False), (1 << 62, False)):
        task = msgspec.structs.replace(said.tasks[0], seconds=seconds)
        document = encode(msgspec.structs.replace(said, tasks=(task,)))
        if right:
            assert parse_tasks(document).tasks == (task,)
        else:
            with pytest.raises(Malformed):
                parse_tasks(document)


def test_documents_of_the_wire_are_strict() -> None:
    with pytest.raises(Malformed):
        parse_update(b"{}")
    with pytest.raises(Malformed):
        parse_update(encode({"fedledger": "child-update/1"}) + b" " * 4096)
