"""What waits for a member stands on its desk, with the page and the command to act on it; and nobody else's does."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from support.content.answering import always
from support.content.holders import Server
from support.web.desk import ME, OWN, busy, busy_world, reader, second_job
from support.web.relay import post
from support.web.server import AT, HOSTILE, get, network, served, until, view_of
from support.web.signers import rotate
from support.worlds.decisions import Chamber
from support.worlds.scorers import COSINE, ScoredWorld
from support.worlds.signing import member_signer
from support.worlds.world import World

from ledger.audit.report import Check, Open
from ledger.events import records
from ledger.events.actions import ChangeRoles, CloseJob
from ledger.jobs.compression import Compression
from ledger.rounds.receipts import bitmap_of
from web.documents.desk import DeskPage
from web.reading.desk import desk as module
from web.reading.desk.desk import desk
from web.reading.desk.gateways import Gateways
from web.reading.desk.job_check import check_job
from web.reading.ledger import Reading
from web.view import View

HTML = {"Accept": "text/html"}


def looked_at(view: View, index: int = ME) -> DeskPage:
    return desk(Reading(view.network, view.latest.state), index)


def seen(world: World, index: int = ME, *, left: int = 30) -> DeskPage:
    """The desk when a phase of the latest round has so many seconds left."""
    return looked_at(view_of(world, now=world.round.deadline - left), index)


def test_everything_that_waits_is_there_once_with_its_command() -> None:
    page = looked_at(busy())
    assert [one.proposal.number for one in page.votes] == [2, 3, 4], "not the one that it may vote on no more"
    assert page.votes[2].proposal.subject.reason == "labels were wrong"
    assert [one.command for one in page.executable] == ["fedledger proposal execute 5"]
    assert [(one.job.job, one.approval.command) for one in page.jobs] == [(2, "fedledger job approve 2")]
    assert [(one.kind, one.job, one.round) for one in page.duties] == [("commit", 1, 3), ("commit_scores", 1, 1)]
    assert page.count == 7
    assert [(one.kind, one.count, one.of) for one in page.node.missed] == [("update", 1, 2)]
    assert (page.node.committed.round, page.node.attested.round) == (1, 2) if page.node.committed else False


def test_what_a_member_did_leaves_its_desk_and_stays_on_those_of_others() -> None:
    world, chamber = busy_world()
    chamber.deadline = AT + 3_600
    chamber.propose(ChangeRoles(0, 7)).vote(ME)
    world.emit(records.JobApproved, job=2, member=world.keys[ME], approvals=2)
    world.submit(ME)
    now = world.round.deadline - 300
    own, other = (looked_at(view_of(world, now=now), index) for index in (ME, 3))
    assert chamber.latest.number not in [one.proposal.number for one in own.votes]
    assert chamber.latest.number in [one.proposal.number for one in other.votes]
    assert not own.jobs and [one.job.job for one in other.jobs] == [2]
    assert "commit" not in [one.kind for one in own.duties]
    assert "commit" in [one.kind for one in other.duties]
    assert own.node.committed is not None and own.node.committed.round == 3


def test_each_phase_of_a_round_has_what_is_owed_in_it() -> None:
    world = World().open_job().open_round()
    assert [one.kind for one in seen(world).duties] == ["commit"]
    for member in (0, ME):
        world.submit(member)
    overdue = looked_at(view_of(world, now=world.round.deadline + 10))
    assert [one.kind for one in overdue.duties] == ["open"], "time alone has passed into Opening"
    world.open_pending()
    assert seen(world).duties == ()
    world.publish(0)
    assert [(one.kind, one.attempt) for one in seen(world).duties] == [("attest", 1)]
    assert seen(world, 0).duties == (), "who published stands by it"
    world.attest(ME)
    assert seen(world).duties == ()


def test_of_scores_a_scorer_owes_the_commitment_then_the_reveal() -> None:
    world = ScoredWorld(COSINE)
    world.open_job().honest_round().open_scoring()
    assert [one.kind for one in looked_at(view_of(world, now=100)).duties] == ["commit_scores"]
    where = {"job": 1, "round": 1}
    for key in world.keys:
        world.emit(records.ScoresCommitted, **where, scorer=key, commitment=b"\1" * 32)
    assert [one.kind for one in looked_at(view_of(world, now=100)).duties] == ["reveal_scores"]
    assert looked_at(view_of(world, now=2**33)).duties == (), "too late: nothing can be done any more"


def test_nothing_is_owed_by_who_came_later_or_has_another_role_or_in_a_buffered_round() -> None:
    world = World().open_job().open_round()
    Chamber(world, 2**32).decide(ChangeRoles(ME, 2))
    world.emit(records.RolesChanged, index=ME, roles=2, epoch=world.history.epoch + 1)
    assert seen(world).duties == (), "it does not train"
    world = World().open_job().open_round()
    rotate(world, ME, member_signer(9).address)
    assert seen(world).duties == (), "its key came after the round"


def test_files_that_others_said_they_lack_are_on_the_desk_of_their_owner() -> None:
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member)
    world.publish(0)
    detail = bitmap_of({ME, 3}).to_bytes(32, "big")
    world.say(2, records.Form.MISSING, world.aggregate.claim, detail)
    for index, expected in ((ME, [2]), (3, [2]), (0, [])):
        page = seen(world, index)
        assert [member.index for one in page.lacked for member in one.members] == expected, index
        assert page.count == len(page.duties) + len(page.lacked)


def test_what_the_last_audit_tells_of_a_member_is_on_its_desk() -> None:
    world = World().open_job().honest_round()
    view = view_of(world)
    audited = view.latest.state.audited
    assert audited is not None and audited.report is not None
    owed = Open(check=Check.COPIES, what="a copy", why="it is damaged", fault=f"east ({world.keys[ME]})")
    report = msgspec.structs.replace(audited.report, open=msgspec.structs.replace(audited.report.open, list=(owed,)))
    view.latest.post(audited=replace(audited, report=report))
    assert looked_at(view).told.open_told == looked_at(view).count == 1
    assert looked_at(view, 2).told.open_told == 0


@pytest.mark.parametrize("read", ["local", "members", "public"])
def test_a_desk_needs_a_session_and_is_kept_nowhere(read: Any) -> None:
    view = busy(read=read, origin="" if read != "public" else "http://127.0.0.1", public=read == "public")
    with served(view) as url:
        for path in ("/desk", "/desk.json"):
            refused = get(url + path, headers=HTML)
            assert refused.status_code == 401
            assert refused.headers["cache-control"] == "no-store"
        assert "fedledger web sign-in" in get(url + "/desk", headers=HTML).text
        assert post(url + "/jobs/check.json", json={}).status_code == 401
        if read == "public":
            return
        with reader(url, OWN) as own, reader(url, member_signer(3)) as other:
            first, second = own.get("/desk.json"), other.get("/desk.json")
            assert first.headers["cache-control"] == "no-store" and "etag" not in first.headers
            assert (first.json()["member"]["index"], second.json()["member"]["index"]) == (ME, 3)
            page = own.get("/desk?lang=zh-Hant", headers=HTML)
            assert "有 7 件事等待您處理" in page.text and page.headers["cache-control"] == "no-store"
            assert own.post("/sign-out.json", json={}).status_code == 200
            assert own.get("/desk.json").status_code == 401


def test_all_is_counted_and_words_are_made_of_what_is_listed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    world, chamber = busy_world()
    second, made = second_job(world), list[int]()
    said = {"digest": second.digest, "proposer": world.keys[2], "terms": second.terms, "model": second.model_terms}
    for number in range(3, 203):
        world.emit(records.JobProposed, job=number, **said)
    chamber.deadline = AT + 3_600
    for _ in range(100):
        chamber.propose(CloseJob(1))

    def noted(make: Any) -> Any:
        def noting(now: Reading, one: Any) -> Any:
            made.append(one.number)
            return make(now, one)

        return noting

    for name in ("job_line", "proposal_line"):
        monkeypatch.setattr(module, name, noted(getattr(module, name)))
    page = seen(world)
    assert len(page.jobs) == len(page.votes) == module.MOST and page.jobs[0].job.job == 202
    assert page.count == len(page.duties) + len(page.executable) + 201 + 103
    assert len(made) == len(page.jobs) + len(page.votes) + len(page.executable)


def test_names_of_others_do_nothing_on_a_desk() -> None:
    with served(busy(names=network(HOSTILE, title=HOSTILE[0]), job_name=HOSTILE[1])) as url, reader(url, OWN) as own:
        text = own.get("/desk", headers=HTML).text
        assert "<script>document" not in text and "<img" not in text


def test_a_gateway_is_dialled_for_its_member_once_in_a_while() -> None:
    world, asked = World().open_job(), []
    with Server(lambda handler: (asked.append(handler.path), always(200, b"{}")(handler))) as there:  # type: ignore[func-returns-value]
        world.emit(records.Announced, index=ME, gateway=there.url)
        view = view_of(world)
        with Gateways(view.latest, view.network) as gateways:
            for _ in range(5):
                gateways.want(ME)
                gateways.want(3)
            until(lambda: ME in view.latest.state.gateways)
            gateways.want(ME)
        check = looked_at(view).node.checked
        assert check is not None and check.answers and check.url == there.url
        assert asked == ["/health"], "the other announced none, and one look is enough"
        world.emit(records.Announced, index=ME, gateway="http://127.0.0.1:1")
        later = view_of(world)
        later.latest.post(gateways=view.latest.state.gateways)
        assert looked_at(later).node.checked is None, "that was another address"


def test_a_gateway_that_still_answers_has_no_reader_look_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.reading.desk.gateways.REST", 0.0)
    world = World().open_job()
    with Server(always(200, b"{}")) as there:
        world.emit(records.Announced, index=ME, gateway=there.url)
        view = view_of(world)
        with Gateways(view.latest, view.network) as dialling:
            serial = _dialled_twice(view, dialling)
    assert view.latest.state.serial == serial


def _dialled_twice(view: View, dialling: Gateways) -> int:
    """The state's serial after the first look."""
    dialling.want(ME)
    until(lambda: ME in view.latest.state.gateways)
    serial, first = view.latest.state.serial, view.latest.state.gateways[ME]
    dialling.want(ME)
    until(lambda: view.latest.state.gateways[ME] is not first)
    return serial


def test_a_gateway_that_does_not_answer_is_shown_with_the_reason() -> None:
    world = World().open_job()
    world.emit(records.Announced, index=ME, gateway="http://169.254.169.254/x")
    view = view_of(world)
    with Gateways(view.latest, view.network) as gateways:
        gateways.want(ME)
        until(lambda: ME in view.latest.state.gateways)
    check = view.latest.state.gateways[ME]
    assert not check.answers and "link-local" in check.trouble


def check(own: Any, content: bytes, path: str = "/jobs/check.json") -> Any:
    return own.post(path, content=content, headers={"Content-Type": "application/json", **HTML})


def test_a_job_is_read_to_its_proposer_and_its_call_names_the_very_document() -> None:
    world, _ = busy_world()
    job = msgspec.structs.replace(world.job, name="another <b>job</b>")
    with served(busy()) as url, reader(url, OWN) as own:
        made = check(own, job.encode()).json()
        assert (made["digest"], made["known"]) == (job.digest.hex(), None)
        assert made["call"]["data"].startswith("0xa9e4ab22" + job.digest.hex())
        assert made["call"]["to"] == network().contracts.ledger.address
        assert check(own, second_job(world).encode()).json()["known"] == 2
        page = check(own, job.encode(), "/jobs/check").text
        assert job.digest.hex() in page and "another &lt;b&gt;job" in page


def test_a_digest_under_other_terms_is_not_the_same_job() -> None:
    world, _ = busy_world()
    job = msgspec.structs.replace(world.job, name="seen on its way")
    terms = msgspec.structs.replace(job.terms, rounds=job.terms.rounds + 1)
    said = {"digest": job.digest, "proposer": world.keys[3], "terms": terms, "model": job.model_terms}
    world.emit(records.JobProposed, job=3, **said)
    view = view_of(world)
    assert check_job(Reading(view.network, view.latest.state), job.encode(), ME).known is None


def test_all_that_somebody_agrees_to_is_read_out_to_proposer_and_members() -> None:
    world, _ = busy_world()
    made = msgspec.structs.replace(
        world.job,
        task=msgspec.structs.replace(world.job.task, settings={"epochs": 77}),
        compression=Compression(bits=8, error_feedback=False),
        admission=msgspec.structs.replace(world.job.admission, on_norm="clip"),
    )
    view = busy()
    view.latest.post(documents={**view.latest.state.documents, second_job(world).digest: made})
    with served(view) as url, reader(url, OWN) as own:
        read = check(own, made.encode(), "/jobs/check").text
        for page in (read, own.get("/jobs/2", headers=HTML).text):
            for words in ("epochs</bdi>", "77", "Bits for each value", "are cut to the maximum norm"):
                assert words in page, words


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b"\xff", 400),
        (b"[" * 50_000, 400),
        (b" " * ((1 << 20) + 1), 413),
    ],
)
def test_what_is_no_job_is_refused_in_words(content: bytes, status: int) -> None:
    with served(busy()) as url, reader(url, OWN) as own:
        assert check(own, content).status_code == status
        page = check(own, content, "/jobs/check")
        assert page.status_code == status and "<h1>" in page.text


def test_a_job_that_is_not_canonical_or_that_no_contract_takes_is_refused() -> None:
    job = busy_world()[0].job
    spaced = job.encode().replace(b",", b", ", 1)
    broken = job.encode().replace(b'"rounds":5', b'"rounds":0')
    with served(busy()) as url, reader(url, OWN) as own:
        assert "canonical" in check(own, spaced).json()["detail"]
        assert "terms.rounds" in check(own, broken).json()["detail"]
        assert own.post("/jobs/check.json", content=job.encode()).status_code == 415


def test_only_a_member_s_job_may_be_larger_than_other_bodies() -> None:
    with served(busy()) as url, reader(url, OWN) as own:
        large = b" " * 20_000
        headers = {"Content-Type": "application/json"}
        assert post(url + "/jobs/check.json", content=large, headers=headers).status_code == 413
        assert own.post("/relay.json", content=large, headers=headers).status_code == 413
        assert check(own, large).status_code == 400


def test_proposals_are_shown_by_state() -> None:
    with served(busy()) as url:
        for state, numbers in (("Voting", [4, 3, 2]), ("Executable", [5]), ("Executed", [1]), ("Expired", [])):
            found = get(f"{url}/proposals.json?state={state}").json()
            assert [one["number"] for one in found["proposals"]] == numbers, state
            assert found["state"] == state
        page = get(url + "/proposals?state=Voting&lang=en", headers=HTML).text
        assert 'aria-current="true">voting' in page.lower() and "labels were wrong" in page
        assert 'href="/proposals?state=Voting&amp;lang=zh-Hant"' in page
        first = get(url + "/proposals.json?state=Voting&limit=2").json()
        assert [one["number"] for one in get(url + first["next"]).json()["proposals"]] == [2]
        assert get(url + "/proposals.json?state=None").status_code == 400
