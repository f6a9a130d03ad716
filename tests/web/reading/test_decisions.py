"""What the pages say of decisions: every kind of proposal, every state, every release, as far as the ledger goes."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from eth_account.messages import encode_typed_data
from support.web.server import AT, HOSTILE, get, governed, network, served, view_of
from support.worlds.decisions import Chamber, evaluation, of_every_kind, released
from support.worlds.world import World

from ledger.events import records
from ledger.events.actions import AdmitMember, ChangeRoles, NameSuccessor, RemoveMember, RevokeRelease
from ledger.events.proposals import ProposalState, vote_to_sign
from ledger.events.records import Choice
from ledger.formats.cid import of_file
from ledger.formats.digest import sha256
from ledger.history.fold import HistoryError
from ledger.keys import ephemeral
from ledger.releases.report import RoundFigures
from web.documents.signatures import typed_data
from web.drawing.language import LANGUAGES
from web.reading.counting import lineage_of
from web.reading.evaluations.evidence import AROUND, metrics_around
from web.reading.latest import FetchedReport, Latest, MissingFile, State
from web.reading.ledger import Reading
from web.relay.relayer import Relayer

HTML = {"Accept": "text/html"}
NAMES = ("North", "South", "East", "West")
WORDS = {
    "admit_member": ("Admit ", "0x1212121212", "as a member: participant, scorer"),
    "remove_member": ("Remove ", "East"),
    "change_roles": ("Change the roles of ", "South", "participant, aggregator"),
    "change_rules": ("Change the rules of voting",),
    "close_job": ("Close ", "test"),
    "release": ("Release the model of round 1 of ", "cardio 2.0"),
    "revoke": ("Revoke ", "cardio 1.0"),
    "roll_back": ("Make ", "cardio 1.0", "current again"),
    "name_successor": ("Name ", "on chain 7 as the next ledger"),
    "rewind_job": ("Rewind ", "test", "to its last sound model"),
}


def text_of(html: str) -> str:
    """What a page says, without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html)).replace("&nbsp;", " ")


def heading(html: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", html, re.DOTALL)
    assert found
    return text_of(found[1])


@pytest.fixture
def chamber() -> Chamber:
    """Two final models; cardio 1.0 is released, by proposal 1."""
    return governed(World().open_job().honest_round().honest_round())


@pytest.fixture
def relayed(chamber: Chamber, tmp_path: Path) -> Any:
    """Makes views of a server that relays."""

    def make(**changes: Any) -> Any:
        view = shown(chamber, **changes)
        return replace(view, relayer=Relayer(view.network, view.latest, ephemeral(), tmp_path / "relay"))

    return make


def shown(chamber: Chamber, **changes: Any) -> Any:
    """A view of the chamber's world, whose state has these `changes` besides."""
    view = view_of(chamber.world, known=network(NAMES))
    view.latest.post(**changes)
    return view


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_proposal_is_described_in_plain_words(chamber: Chamber, language: str) -> None:
    for action in of_every_kind(chamber):
        chamber.propose(action)
    with served(shown(chamber)) as url:
        kinds = []
        for number in range(2, 2 + len(WORDS)):
            kind = get(f"{url}/proposals/{number}.json").json()["proposal"]["kind"]
            page = get(f"{url}/proposals/{number}?lang={language}", headers=HTML)
            assert page.status_code == 200
            assert "{" not in heading(page.text)
            if language == "en":
                assert [word for word in WORDS[kind] if word not in heading(page.text)] == []
            kinds.append(kind)
        listed = get(f"{url}/proposals?lang={language}", headers=HTML).text
    assert sorted(kinds) == sorted(WORDS)
    assert listed.count('<li><div class="what">') == len(WORDS) + 1
    assert "{" not in text_of(listed)


@pytest.mark.parametrize("name", [NAMES[1], NAMES[1].upper(), "Nobody else"])
def test_a_newcomer_that_is_called_like_a_member_is_told_before_the_vote(chamber: Chamber, name: str) -> None:
    chamber.propose(AdmitMember("0x" + "77" * 20, 1, name))
    with served(shown(chamber)) as url:
        subject = get(url + "/proposals/2.json").json()["proposal"]["subject"]
        page = get(url + "/proposals/2", headers=HTML).text
    alike = name.lower() == NAMES[1].lower()
    assert (subject.get("alike", {}).get("index") == 1) is alike
    assert ("or looks like it" in page) is alike
    assert name in page


@pytest.mark.parametrize(
    ("name", "said"), [("m\u0435mber 1", "which member is meant"), ("B, 0x5aAe, as scorer", "more than a name")]
)
def test_a_newcomer_whose_name_misleads_is_told_before_the_vote(chamber: Chamber, name: str, said: str) -> None:
    chamber.propose(AdmitMember("0x" + "77" * 20, 1, name))
    with served(shown(chamber)) as url:
        page = get(url + "/proposals/2", headers=HTML).text
    assert said in page
    assert heading(page).index("0x7777") < heading(page).index(name)


TIMES = {
    ProposalState.VOTING: (0, (0,)),
    ProposalState.REJECTED: (3_601, (0,)),
    ProposalState.WAITING: (3_601, (0, 1, 2)),
    ProposalState.EXECUTABLE: (3_600 + 601, (0, 1, 2)),
    ProposalState.EXPIRED: (3_600 + 600 + 86_401, (0, 1, 2)),
}


@pytest.mark.parametrize("state", TIMES, ids=lambda state: state.value)
def test_a_state_follows_from_votes_and_the_chain_s_clock(chamber: Chamber, relayed: Any, state: ProposalState) -> None:
    later, voters = TIMES[state]
    chamber.propose(ChangeRoles(1, 1)).vote(*voters)
    with served(relayed(time=AT + later)) as url:
        document = get(url + "/proposals/2.json").json()
        page = get(url + "/proposals/2", headers=HTML).text
    assert document["proposal"]["state"] == state.value
    assert document["proposal"]["tally"]["voted"] == len(voters)
    assert ('data-vote="for"' in page) == (state is ProposalState.VOTING)
    assert ('data-do="execute"' in page) == (state is ProposalState.EXECUTABLE)
    assert "fedledger proposal vote 2 for --sign-only" in page or state is not ProposalState.VOTING
    assert page.count('aria-current="step"') == (state.value in {"Voting", "Waiting", "Executable"})


def test_a_vote_that_cannot_fail_may_be_closed_by_anyone(chamber: Chamber, relayed: Any) -> None:
    chamber.propose(ChangeRoles(1, 1)).vote(0, 1)
    with served(relayed()) as url:
        assert 'data-do="close"' not in get(url + "/proposals/2", headers=HTML).text
    chamber.vote(2)
    with served(relayed()) as url:
        page = get(url + "/proposals/2", headers=HTML).text
    assert 'data-do="close"' in page
    assert "It passes, however the others vote" in page


def test_a_server_that_relays_nothing_offers_the_commands_alone(chamber: Chamber, relayed: Any) -> None:
    chamber.propose(ChangeRoles(1, 1)).vote(0, 1, 2)
    offers = ("data-propose", "<button type", "wallet.js")
    with served(relayed()) as url:
        page = get(url + "/proposals/2", headers=HTML).text + get(url + "/members/1", headers=HTML).text
    assert [word for word in offers if word not in page] == []
    with served(shown(chamber)) as url:
        pages = [get(url + path, headers=HTML).text for path in ("/proposals/2", "/members/1", "/nothing")]
    assert [word for page in pages for word in offers if word in page] == []
    assert "This server relays nothing" in pages[0]
    assert "fedledger proposal close 2" in pages[0]
    assert "fedledger proposal propose remove 1" in pages[1]


def test_votes_silent_members_and_those_that_can_no_longer_vote_are_listed(chamber: Chamber) -> None:
    chamber.propose(ChangeRoles(1, 1)).vote(0).vote(1, choice=Choice.ABSTAIN)
    chamber.decide(RemoveMember(3))
    chamber.world.emit(records.MemberRemoved, index=3, key=chamber.world.keys[3], epoch=2)
    with served(shown(chamber)) as url:
        vote = get(url + "/proposals/2.json").json()["vote"]
        page = get(url + "/proposals/2", headers=HTML).text
        left = get(url + "/members/3", headers=HTML).text
    assert [(b["party"]["name"], b["choice"]) for b in vote["ballots"]] == [("North", "FOR"), ("South", "ABSTAIN")]
    assert ([p["name"] for p in vote["silent"]], vote["gone"]) == (["East"], 1)
    assert 'data-may-vote="2 "' in page
    assert 'data-voted="0 1 "' in page
    assert "1 more member left" in text_of(page)
    assert "left" in text_of(left)


def test_a_removal_says_that_three_members_remain(chamber: Chamber) -> None:
    words = "only while there are more than three members"
    chamber.propose(RemoveMember(2))
    with served(shown(chamber)) as url:
        assert words not in get(url + "/proposals/2", headers=HTML).text
    chamber.decide(RemoveMember(3))
    chamber.world.emit(records.MemberRemoved, index=3, key=chamber.world.keys[3], epoch=2)
    chamber.propose(RemoveMember(2)).vote(0)
    with served(shown(chamber)) as url:
        page = text_of(get(url + "/proposals/4", headers=HTML).text)
    assert words in page
    assert "2 of 3 members must be for it; so far: 1." in page


def test_what_counts_is_how_many_members_there_are_now(chamber: Chamber) -> None:
    """Two removals were proposed among four; the first is carried out, so the second cannot be."""
    chamber.propose(RemoveMember(2))
    chamber.decide(RemoveMember(3))
    chamber.world.emit(records.MemberRemoved, index=3, key=chamber.world.keys[3], epoch=2)
    with served(shown(chamber)) as url:
        assert "only while there are more than three members" in text_of(get(url + "/proposals/2", headers=HTML).text)


def test_time_alone_is_a_change_where_it_turns_a_proposal(chamber: Chamber) -> None:
    chamber.propose(ChangeRoles(1, 1))
    latest = Latest(replace(shown(chamber).latest.state, time=AT))
    serial = latest.state.serial
    latest.tick(99, AT + 3_600, AT)
    assert (latest.state.serial, latest.state.time) == (serial, AT + 3_600)
    latest.tick(99, AT + 3_601, AT)
    assert latest.state.serial == serial + 1


def test_current_superseded_and_revoked_releases(chamber: Chamber) -> None:
    chamber.release(chamber.model(version="1.1", number=2))
    chamber.release(chamber.model("early", "0.1")).revoke("early", "0.1", b"wrong labels".ljust(32, b"\0"))
    with served(shown(chamber)) as url:
        document = get(url + "/releases.json").json()
        page = get(url + "/releases", headers=HTML).text
        early = get(url + "/releases/early", headers=HTML).text
        revoked = get(url + "/releases/early/0.1", headers=HTML).text
        made = get(url + "/releases/early/0.1.json").json()
        first = get(url + "/releases.json?limit=2").json()
        rest = get(url + first["next"]).json()
    assert [(one["name"], one["version"]) for one in document["current"]] == [("cardio", "1.1")]
    assert [one["version"] for one in document["releases"]] == ["0.1", "1.1", "1.0"]
    assert [one["version"] for one in first["releases"] + rest["releases"]] == ["0.1", "1.1", "1.0"]
    assert rest["next"] is None
    assert 'class="struck" href="/releases/early/0.1"' in page
    assert "Reason: wrong labels" in text_of(page)
    assert "no current release" in early
    assert "model.safetensors" not in revoked
    assert made["file"] is None
    assert [one["proposal"]["kind"] for one in made["decided_by"]] == ["revoke", "release"]


def test_a_long_reason_is_shown_once_its_text_could_be_read(chamber: Chamber) -> None:
    reason = "a reason of more than thirty-two letters"
    chamber.propose(RevokeRelease("cardio", "1.0", sha256(reason.encode()).hex()))
    with served(shown(chamber)) as url:
        assert reason not in get(url + "/proposals/2").text
    with served(shown(chamber, reasons={sha256(reason.encode()): reason})) as url:
        assert reason in get(url + "/proposals/2", headers=HTML).text


def test_a_proposed_root_is_compared_with_the_finalised_model(chamber: Chamber) -> None:
    chamber.propose(msgspec.structs.replace(chamber.model(version="2.0"), root="07" * 32))
    chamber.propose(msgspec.structs.replace(chamber.model(version="2.0"), round=9))
    with served(shown(chamber)) as url:
        assert "not the finalised model&#39;s" in get(url + "/proposals/2", headers=HTML).text
        assert "that round has not finalised a model" in get(url + "/proposals/3", headers=HTML).text
        assert "the finalised model&#39;s</span>" in get(url + "/proposals/1", headers=HTML).text


def replace_party(figures: Any, *, name: str, key: str) -> Any:
    return msgspec.structs.replace(figures, party=name, key=key)


class TestEvaluation:
    """A report is shown where it could be read and is on the model; else the page says why not."""

    def proposed(self, chamber: Chamber, report: bytes) -> None:
        chamber.propose(chamber.model(version="2.0", number=2, report=report))

    def test_a_proposal_says_the_licence_that_is_voted_on_or_that_there_is_none(self, chamber: Chamber) -> None:
        made = evaluation(chamber.world, 2, NAMES, 31337, network().contracts.ledger.address)
        for license_, said in (
            ("cc-by-4.0", "<dd>cc-by-4.0</dd>"),
            ("", "nobody is told what the model may be used for"),
        ):
            report = msgspec.structs.replace(made, license=license_)
            self.proposed(chamber, report.digest)
            with served(shown(chamber, evaluations={report.digest: FetchedReport(report, report.mean)})) as url:
                page = get(f"{url}/proposals/{chamber.latest.number}", headers=HTML).text
            assert said in page and "say nothing of others" in page

    def test_figures_bars_and_charts_with_a_table(self, chamber: Chamber) -> None:
        report = evaluation(chamber.world, 2, NAMES, 31337, network().contracts.ledger.address)
        self.proposed(chamber, report.digest)
        with served(shown(chamber, evaluations={report.digest: FetchedReport(report, report.mean)})) as url:
            page = get(url + "/proposals/2", headers=HTML).text
            evidence = get(url + "/proposals/2.json").json()["evidence"]["evaluation"]
            elsewhere = [get(url + path, headers=HTML).text for path in ("/jobs/1", "/jobs/1/models/2")]
        assert (evidence["status"], evidence["samples"]) == ("read", 406)
        assert evidence["report"]["parties"][0]["party"] == "East"
        assert page.count("<figure") == 2
        assert page.count('role="group" aria-labelledby=') == page.count('class="quiet said"') == 2
        assert page.count('class="stop"') == 2 * 3
        assert "All, mean over samples\u2069: from 0.700000 in round 0 to 0.900000 in round 2" in page
        assert page.count("<details><summary>As a table") == 2
        assert all("in round 0" in text for text in elsewhere)

    def test_every_page_says_that_a_report_is_a_proposal_s_alone_until_it_is_released(self, chamber: Chamber) -> None:
        report = evaluation(chamber.world, 2, NAMES, 31337, network().contracts.ledger.address)
        asked = ["/jobs/1", "/jobs/1/rounds/2", "/jobs/1/models/2", "/compare?a=1/1&b=1/2"]
        words = "it is its proposer&#39;s word, and members have not voted for it"

        def pages(*more: str) -> list[str]:
            with served(shown(chamber, evaluations={report.digest: FetchedReport(report, report.mean)})) as url:
                return [get(url + path, headers=HTML).text for path in (*asked, *more)]

        self.proposed(chamber, report.digest)
        assert all(words in page for page in pages("/proposals/2"))
        chamber.release(chamber.model(version="3.0", number=2, report=report.digest))
        assert not any(words in page or "revoked the release that" in page for page in pages("/releases/cardio/3.0"))
        chamber.revoke("cardio", "3.0")
        assert all("Members revoked the release that names this report" in page for page in pages())

    def test_a_round_shows_what_was_measured_of_its_model_and_where_that_stands(self, chamber: Chamber) -> None:
        report = evaluation(chamber.world, 2, NAMES, 31337, network().contracts.ledger.address)
        chamber.world.open_round()
        self.proposed(chamber, report.digest)
        with served(shown(chamber, evaluations={report.digest: FetchedReport(report, report.mean)})) as url:
            found = {n: get(f"{url}/jobs/1/rounds/{n}.json").json()["metrics"] for n in (1, 2, 3)}
            pages = {n: get(f"{url}/jobs/1/rounds/{n}", headers=HTML).text for n in (1, 3)}
        assert found[3] is None and "<figure" not in pages[3]
        assert found[1] == found[2]
        assert (found[1]["model"], found[1]["digest"]) == (2, report.digest.hex())
        assert [figures["round"] for figures in found[1]["rounds"]] == [0, 1, 2]
        assert pages[1].count("<figure") == pages[1].count('class="mark-line"') == 2
        assert "Accuracy0.8500Loss0.4500" in text_of(pages[1])

    def test_a_round_shows_its_neighbours_and_no_others(self, chamber: Chamber) -> None:
        report = evaluation(chamber.world, 2, NAMES, 31337, network().contracts.ledger.address)
        self.proposed(chamber, report.digest)
        for given, expected in (((0, 1), None), ((0, 2), [0, 2]), (range(100), list(range(AROUND + 3)))):
            figures = tuple(RoundFigures(round=n, metrics={"loss": "1"}) for n in given)
            parties = tuple(msgspec.structs.replace(one, rounds=figures) for one in report.parties)
            measured = FetchedReport(msgspec.structs.replace(report, parties=parties), report.mean)
            view = shown(chamber, evaluations={report.digest: measured})
            found = metrics_around(Reading(view.network, view.latest.state), 1, chamber.world.state.rounds[2])
            assert (found and [one.round for one in found.rounds]) == expected

    def test_a_party_of_a_report_that_is_not_a_member_is_marked(self, chamber: Chamber) -> None:
        place = network().contracts.ledger.address
        report = evaluation(chamber.world, 2, NAMES, 31337, place)
        others = (replace_party(report.parties[0], name="North", key="0x" + "34" * 20), *report.parties[1:])
        report = msgspec.structs.replace(report, parties=others)
        self.proposed(chamber, report.digest)
        with served(shown(chamber, evaluations={report.digest: FetchedReport(report, report.mean)})) as url:
            document = get(url + "/proposals/2.json").json()["evidence"]["evaluation"]
            page = get(url + "/proposals/2", headers=HTML).text
        assert len(document["members"]) == 3
        assert page.count('refuted">not a member&#39;s key') == 1

    def test_a_report_that_no_holder_has_sent_yet(self, chamber: Chamber) -> None:
        self.proposed(chamber, b"R" * 32)
        with served(shown(chamber, evaluations={b"R" * 32: MissingFile("nobody gives <it>")})) as url:
            page = get(url + "/proposals/2", headers=HTML).text
        assert "could not be read yet" in page
        assert "nobody gives &lt;it&gt;" in page
        assert "<figure" not in page

    def test_a_file_that_is_not_a_report(self, chamber: Chamber) -> None:
        self.proposed(chamber, b"R" * 32)
        with served(shown(chamber, evaluations={b"R" * 32: MissingFile("not JSON", final=True)})) as url:
            assert "is not an evaluation report" in get(url + "/proposals/2", headers=HTML).text

    def test_a_report_on_another_model(self, chamber: Chamber) -> None:
        report = evaluation(chamber.world, 1, NAMES, 31337, network().contracts.ledger.address)
        self.proposed(chamber, report.digest)
        with served(shown(chamber, evaluations={report.digest: FetchedReport(report, report.mean)})) as url:
            page = get(url + "/proposals/2", headers=HTML).text
            assert get(url + "/jobs/1/models/2.json").json()["evaluation"] is None
        assert "is on another model" in page
        assert "<figure" not in page

    def test_none(self, chamber: Chamber) -> None:
        with served(shown(chamber)) as url:
            assert "No evaluation report is named" in get(url + "/proposals/1", headers=HTML).text


def test_a_member_s_part_in_rounds_votes_and_releases(chamber: Chamber) -> None:
    world = chamber.world
    world.open_round()
    for member in range(3):
        world.submit(member)
    world.submit(3, weight=5_000)
    world.publish(0)
    chamber.propose(ChangeRoles(1, 1)).vote(3, choice=Choice.AGAINST)
    chamber.propose(ChangeRoles(1, 2))
    (release,) = world.history.decisions.releases.values()
    counted = {(1, 1, release.root): lineage_of(world.state, 1)}
    with served(shown(chamber, lineages=counted)) as url:
        west = get(url + "/members/3.json").json()
        north = get(url + "/members/0.json?limit=2").json()
        page = get(url + "/members/3?job=1", headers=HTML).text
        assert get(url + "/members/3.json?job=2").status_code == 404
    assert [(one["round"], one["update"]["verdict"]) for one in west["rounds"]] == [
        (3, "WEIGHT"),
        (2, "ADMITTED"),
        (1, "ADMITTED"),
    ]
    assert [(v["proposal"]["number"], v["choice"]) for v in west["votes"]] == [(3, None), (2, "AGAINST")]
    assert [(one["release"]["version"], one["updates"]) for one in west["releases"]] == [("1.0", 1)]
    assert north["rounds"][0]["aggregated"] == "Attesting"
    assert north["next"] == "/members/0.json?job=1&before=2&limit=2"
    assert "weight above the member&#39;s cap" in page


def test_the_public_is_served_released_models_and_reports_and_no_others(chamber: Chamber) -> None:
    chamber.release(chamber.model("early", "0.1", 2)).revoke("early", "0.1")
    report = evaluation(chamber.world, 1, NAMES, 31337, network().contracts.ledger.address)
    view = view_of(chamber.world, known=network(NAMES), public=True)
    view.latest.post(evaluations={report.digest: FetchedReport(report, report.mean)})
    size = chamber.world.job.layout.size
    finals = {number: chamber.world.state.rounds[number].final for number in (1, 2)}
    cids = [of_file(final.cid, size) for final in finals.values() if final]
    with served(view) as url:
        told = [get(f"{url}/ipfs/{cid}?format=raw").status_code for cid in (*cids, report.cid)]
    assert told == [404, 403, 404], "404: let through, though nobody holds it here"


def test_hostile_names_gateways_and_reports_are_text(chamber: Chamber) -> None:
    world = chamber.world
    for index, gateway in enumerate(("javascript:alert(1)", '"><script>x</script>', "http://\u202eelif.example")):
        world.emit(records.Announced, index=index, gateway=gateway)
    report = evaluation(world, 2, (*HOSTILE[:2], "x" * 100, "\u05d0\u05d1"), 31337, network().contracts.ledger.address)
    chamber.release(chamber.model(version="1.1", number=2, report=report.digest))
    chamber.propose(RemoveMember(3)).vote(0)
    chamber.propose(RevokeRelease("cardio", "1.0", b"<b>\"'</b>".ljust(32, b"\0").hex()))
    view = view_of(world, known=network(HOSTILE))
    view.latest.post(evaluations={report.digest: FetchedReport(report, report.mean)})
    with served(view) as url:
        paths = ["/proposals", *(f"/proposals/{n}" for n in range(1, 5)), *(f"/members/{n}" for n in range(4))]
        for path in [*paths, "/releases/cardio", "/releases/cardio/1.1", "/jobs/1/models/2", "/"]:
            answer = get(url + path, headers=HTML)
            assert answer.status_code == 200, path
            assert len(answer.content) < 100_000, path
            for bad in ("<script>", "<img", "<b>", "\u202e", 'href="javascript', "href='javascript"):
                assert bad not in answer.text, (path, bad)
            assert text_of(answer.text).count("x" * 101) == 0, "cut"
        assert get(url + "/members/2.json").json()["member"]["name"] == HOSTILE[2], "data stays what it is"
        assert 'title="' + "x" * 500 in get(url + "/members/2", headers=HTML).text, "all that is bearable can be had"
        assert re.search('<h1><bdi class="short">[^<\u202e]*gnp.exe \u05d0', get(url + "/members/3", headers=HTML).text)


@pytest.mark.parametrize("name", [b"<script>", b"Upper", b"../etc", "\u202e".encode(), b"a b", b"", b"-x"])
def test_a_forged_log_brings_no_hostile_name_of_a_release(chamber: Chamber, name: bytes) -> None:
    made = chamber.model(version="2.0")
    chamber.decide(made)
    forged = released(made) | {"name": name.ljust(32, b"\0")}
    with pytest.raises(HistoryError):
        chamber.world.emit(records.Released, **forged)


@pytest.mark.parametrize("name", ["<script>", "UPPER", "..%2fetc", "%E2%80%AE", "x" * 33, "a%00b", ".json"])
def test_a_name_that_no_release_can_have_is_not_found(chamber: Chamber, name: str) -> None:
    with served(shown(chamber)) as url:
        for path in (f"/releases/{name}.json", f"/releases/cardio/{name}.json", f"/releases/{name}"):
            answer = get(url + path)
            assert answer.status_code in {404, 400}, path
            assert answer.json()["fedledger"] == "error/1"


def test_before_anything_was_decided_the_pages_say_so() -> None:
    with served(view_of(World().open_job().honest_round(), known=network(NAMES))) as url:
        assert "Nothing has been proposed yet" in get(url + "/proposals", headers=HTML).text
        assert "No model has been released yet" in get(url + "/releases", headers=HTML).text
        assert get(url + "/members/0.json").json()["votes"] == []
        overview = get(url + "/", headers=HTML).text
    assert "Nothing to decide right now" in overview


def test_the_state_before_any_reading_has_no_decisions() -> None:
    assert State().evaluations == {}
    assert State().time == 0


def test_numbers_that_javascript_cannot_hold_are_text_in_json(chamber: Chamber) -> None:
    """The contract takes any chain id of 64 bits: what a member is shown, and signs, is that one and no neighbour."""
    chain = (1 << 60) + 1
    action = NameSuccessor(chain, "0x" + "11" * 20)
    chamber.propose(action)
    made = chamber.latest
    with served(view_of(chamber.world)) as url:
        page = get(f"{url}/proposals/{made.number}.json").json()
        html = get(f"{url}/proposals/{made.number}", headers=HTML).text
    assert (page["proposal"]["action"]["chain"], page["shown"]["chain"]) == (str(chain), str(chain))
    assert f"<bdi>{chain}</bdi>" in html and f"on chain {chain} as" in text_of(html)
    parts = vote_to_sign(31337, "0x" + "22" * 20, made, chamber.world.keys[0], Choice.FOR, AT)
    typed = typed_data(parts)
    assert typed["message"]["nameSuccessor"]["chain"] == str(chain)
    assert encode_typed_data(full_message=typed).body == encode_typed_data(*map(dict, parts)).body
