"""What a client makes sure of: one test for each way in which an edge can lie to it."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.worlds.edge_site import EDGE, Site, site_of
from support.worlds.edges import child_key

from ledger.errors import Malformed, Refuted, UsageError
from ledger.formats.edges.members import EdgeMembers
from participant.edge.client.checks import check_list, read_base, read_job, read_receipt
from participant.edge.client.home import KnownEdge
from participant.edge.documents import EdgeTasks, RoundTask, encode, parse_tasks, parse_update

NOBODY = "0x" + "11" * 20


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return site_of(tmp_path)


@pytest.fixture
def tasks(site: Site) -> EdgeTasks:
    return parse_tasks(encode(site.desk.tasks))


@pytest.fixture
def task(tasks: EdgeTasks) -> RoundTask:
    return tasks.tasks[0]


def other(task: RoundTask, **said: Any) -> RoundTask:
    base = {name.removeprefix("base_"): value for name, value in said.items() if name.startswith("base_")}
    plain = {name: value for name, value in said.items() if not name.startswith("base_")}
    return msgspec.structs.replace(task, base=msgspec.structs.replace(task.base, **base), **plain)


def model(site: Site) -> bytes:
    return site.world.files.files[site.at.base.cid]


def test_an_honest_task_is_taken(site: Site, tasks: EdgeTasks, task: RoundTask) -> None:
    job = read_job(task, site.world.job.encode())
    check_list(task, tasks, job, site.world.lists[EDGE].encode(), child_key(EDGE, 1))
    base = read_base(task, site.world.place, job, model(site))
    assert base.size == job.layout.values


def test_another_document_than_the_job_is_refused(site: Site, task: RoundTask) -> None:
    with pytest.raises(Refuted, match="document does not have its digest"):
        read_job(task, site.world.job.encode() + b" ")
    with pytest.raises(Refuted):
        read_job(other(task, digest="ab" * 32), site.world.job.encode())


def test_a_member_that_is_no_edge_of_the_job_is_refused(site: Site, tasks: EdgeTasks, task: RoundTask) -> None:
    liar = msgspec.structs.replace(tasks, edge=3)
    with pytest.raises(Refuted, match="does not name this member as an edge"):
        check_list(task, liar, site.world.job, site.world.lists[EDGE].encode(), child_key(EDGE, 1))


def test_a_job_without_edges_is_refused(site: Site, tasks: EdgeTasks, task: RoundTask) -> None:
    job = msgspec.structs.replace(site.world.job, hierarchy=None)
    with pytest.raises(Malformed, match="no edges"):
        check_list(task, tasks, job, b"", child_key(EDGE, 1))


def test_another_list_than_the_jobs_is_refused(site: Site, tasks: EdgeTasks, task: RoundTask) -> None:
    listed, key = EdgeMembers.of([child_key(EDGE, 1)]), child_key(EDGE, 1)
    with pytest.raises(Refuted, match="another list than its job"):
        check_list(other(task, members=listed.digest.hex()), tasks, site.world.job, listed.encode(), key)
    with pytest.raises(Refuted, match="list does not have its digest"):
        check_list(task, tasks, site.world.job, listed.encode(), key)


def test_a_key_that_is_not_listed_learns_it_before_it_trains(site: Site, tasks: EdgeTasks, task: RoundTask) -> None:
    with pytest.raises(UsageError, match="not in the edge's list"):
        check_list(task, tasks, site.world.job, site.world.lists[EDGE].encode(), NOBODY)


def test_another_model_than_the_base_is_refused(site: Site, task: RoundTask) -> None:
    data = bytearray(model(site))
    data[-1] ^= 1
    with pytest.raises(Refuted, match="another file"):
        read_base(task, site.world.place, site.world.job, bytes(data))


def test_a_false_root_is_refused(site: Site, task: RoundTask) -> None:
    with pytest.raises(Refuted, match="does not have its root"):
        read_base(other(task, base_root="ab" * 32), site.world.place, site.world.job, model(site))


def test_a_first_model_that_is_not_the_jobs_is_refused(site: Site, task: RoundTask) -> None:
    initial = msgspec.structs.replace(site.world.job.initial_model, root="ab" * 32)
    job = msgspec.structs.replace(site.world.job, initial_model=initial)
    with pytest.raises(Refuted, match="not the job's initial one"):
        read_base(task, site.world.place, job, model(site))


def test_a_model_of_another_round_is_refused(site: Site, task: RoundTask) -> None:
    with pytest.raises(Malformed, match="kind"):
        read_base(other(task, round=3, base_round=2, base_builds_on="ab" * 32), *_rest(site))
    with pytest.raises(Malformed, match="builds on an earlier one"):
        read_base(other(task, base_round=1), *_rest(site))


def _rest(site: Site) -> Any:
    return site.world.place, site.world.job, model(site)


def test_receipts_are_for_the_update_that_was_sent_by_the_edge_that_signed(site: Site) -> None:
    child, second = site.world.child(EDGE, 1), site.world.child(EDGE, 2)
    signed, key = site.signed(child), site.world.keys[EDGE]
    receipt = site.world.receipt(EDGE, child)
    assert read_receipt(receipt.encode(), signed, key) == receipt
    with pytest.raises(Refuted, match="another update"):
        read_receipt(site.world.receipt(EDGE, second).encode(), signed, key)
    with pytest.raises(Refuted, match="not signed by the edge's key"):
        read_receipt(site.world.receipt(EDGE, child, signer=site.world.keys[1]).encode(), signed, key)
    with pytest.raises(Malformed):
        read_receipt(b"{}", signed, key)


@pytest.mark.parametrize("said", [{"chain": 7}, {"ledger": NOBODY}, {"edge": 1}, {"key": NOBODY}])
def test_an_edge_that_turns_into_another_is_refused(tasks: EdgeTasks, said: dict[str, Any]) -> None:
    known = KnownEdge.met(tasks)
    known.check(tasks)
    with pytest.raises(Refuted, match="not the edge that this client knows"):
        known.check(msgspec.structs.replace(tasks, **said))


def test_a_job_never_changes(tasks: EdgeTasks, task: RoundTask) -> None:
    known = msgspec.structs.replace(KnownEdge.met(tasks), jobs={str(task.job): task.digest})
    known.check(tasks)
    with pytest.raises(Refuted, match="a job never changes"):
        known.check(msgspec.structs.replace(tasks, tasks=(other(task, digest="ab" * 32),)))


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"fedledger":"edge-tasks/1"}', b" " * (1 << 17)])
def test_tasks_are_read_strictly(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_tasks(data)


def test_the_pages_documents_are_read_as_they_stand() -> None:
    text = (Path(__file__).parents[3] / "docs" / "edges.md").read_text(encoding="utf-8")
    told, signed = re.findall(r"^```json\n(.*)\n```", text, re.MULTILINE)
    assert encode(parse_tasks(told.encode())).decode() == told
    update = parse_update(signed.encode())
    assert update.encode().decode() == signed
    assert (update.job, update.round, update.edge) == (1, 1, parse_tasks(told.encode()).edge)
