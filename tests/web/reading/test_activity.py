"""What happened, with its time; and the search, which finds everything by any name, and believes no text."""

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import httpx
import pytest
from support.web.server import AT, HOSTILE, get, governed, network, served, snapshot_of, view_of
from support.worlds.world import World

from ledger.events import records
from ledger.events.actions import CloseJob
from ledger.formats.cid import DAG_PB, RAW, Cid
from ledger.index import BlockTime
from web.drawing.activity import plain_sentence
from web.drawing.language import LANGUAGES, texts
from web.notify.news import NEWS
from web.reading.activity import KINDS, activity_line
from web.reading.events import feed as feeds
from web.reading.events.feed import Feed, NumberedEvent
from web.reading.events.naming import Named
from web.reading.ledger import Reading
from web.routes import service
from web.view import View

HTML = {"Accept": "text/html"}


def played(members: int = 4) -> World:
    """A round with a model, and one that collects."""
    world = World(members).open_job().open_round()
    for member in range(members):
        world.submit(member)
    world.publish(0)
    for member in range(1, members):
        world.attest(member)
    return world


@pytest.fixture(scope="module")
def world() -> World:
    return played()


@pytest.fixture(scope="module")
def url(world: World) -> Any:
    with served(view_of(world)) as address:
        yield address


def at(world: World, times: dict[int, BlockTime]) -> View:
    """The world as it is seen with these times of blocks."""
    view = view_of(world)
    view.latest.post(snapshot=snapshot_of(world, times))
    return view


def test_every_event_is_a_line_with_its_block_and_time(world: World, url: str) -> None:
    lines = get(url + "/activity.json?limit=500").json()["events"]
    assert [one["block"] for one in lines] == [event.block for event in reversed(world.events)]
    assert [one["number"] for one in lines] == list(range(len(world.events), 0, -1))
    assert lines[0]["time"] == AT and lines[0]["time_proved"] and not lines[0]["time_ahead"]
    assert [one["kind"] for one in lines] == [KINDS[type(event).__name__] for event in reversed(world.events)]
    assert all(one["tx"] == event.tx.hex() for one, event in zip(lines, reversed(world.events), strict=True))


def test_pages_of_the_activity_join_up(url: str) -> None:
    whole = get(url + "/activity.json?limit=500").json()["events"]
    path, parts = "/activity.json?limit=3", []
    while path:
        page = get(url + path).json()
        parts, path = parts + page["events"], page["next"]
    assert parts == whole


@pytest.mark.parametrize("query", ["member=1", "job=1", "kind=attested", "member=2&kind=update_committed"])
def test_the_activity_is_filtered(url: str, query: str) -> None:
    wanted = dict(part.split("=") for part in query.split("&"))
    whole = get(url + "/activity.json?limit=500").json()["events"]
    expected = [
        one
        for one in whole
        if ("member" not in wanted or (one["party"] and str(one["party"]["index"]) == wanted["member"]))
        and all(str(one[name]) == value for name, value in wanted.items() if name != "member")
    ]
    assert expected
    assert get(url + f"/activity.json?limit=500&{query}").json()["events"] == expected


def test_a_form_left_open_asks_for_everything(url: str) -> None:
    assert get(url + "/activity?member=&job=&kind=", headers=HTML).status_code == 200
    every = get(url + "/activity.json").json()["events"]
    assert get(url + "/activity.json?member=&job=&kind=").json()["events"] == every


@pytest.mark.parametrize("query", ["kind=nonsense", "member=999", "limit=0", "before=x"])
def test_an_impossible_filter_is_malformed(url: str, query: str) -> None:
    assert get(url + f"/activity.json?{query}").status_code == 400


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_words(language: str) -> None:
    t = texts(language)
    variants = {
        "attested": [f"attested_{form.name.lower()}" for form in records.Form],
        "voted": [f"voted_{choice.name.lower()}" for choice in records.Choice],
    }
    for kind in KINDS.values():
        assert "_" not in t("kinds", kind)
        for word in variants.get(kind, [kind]):
            assert t("events", word) != word


def test_a_feed_in_atom_is_whole_and_in_the_language_of_its_reader(url: str) -> None:
    answer = get(url + "/activity.atom")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    root = ET.fromstring(answer.text)  # noqa: S314  our own server's
    atom = "{http://www.w3.org/2005/Atom}"
    titles = [one.findtext(f"{atom}title") for one in root.iter(f"{atom}entry")]
    assert "Round 1 of job 1 has its model: a majority agreed." in titles
    assert "任務 1 的回合 1 經過半數同意而有了模型。" in get(url + "/activity.atom?lang=zh-Hant").text
    assert len({one.findtext(f"{atom}id") for one in root.iter(f"{atom}entry")}) == len(titles)


def test_a_round_has_its_timeline(url: str) -> None:
    page = get(url + "/jobs/1/rounds/1.json").json()
    assert [one["kind"] for one in page["timeline"]][:2] == ["round_opened", "update_committed"]
    assert "round_finalised" in [one["kind"] for one in page["timeline"]]
    assert page["round"]["ended"]["time"] > page["round"]["time"]
    assert page["round"]["deadline"] is None
    assert f'id="event-{page["timeline"][0]["number"]}"' in get(url + "/jobs/1/rounds/1", headers=HTML).text


def test_an_unproved_time_is_marked(world: World) -> None:
    said = {event.block: BlockTime(AT - 60, False) for event in world.events}
    with served(at(world, said)) as url:
        assert "not proved" in get(url + "/jobs/1/rounds/1", headers=HTML).text
        assert get(url + "/jobs/1.json").json()["job"]["time_proved"] is False


def test_a_time_that_was_not_read_is_null(world: World) -> None:
    with served(at(world, {})) as url:
        assert "time not read yet" in get(url + "/activity", headers=HTML).text
        assert {one["time"] for one in get(url + "/activity.json").json()["events"]} == {None}
        assert get(url + "/activity.atom").status_code == 200


def test_a_clock_that_runs_backwards_is_shown_as_such(world: World) -> None:
    back = {event.block: BlockTime(AT - event.block, True) for event in world.events}
    with served(at(world, back)) as url:
        lines = get(url + "/activity.json?limit=500").json()["events"]
        assert [one["time_back"] for one in lines] == [True] * (len(lines) - 1) + [False]
        assert "earlier than the block before" in get(url + "/activity", headers=HTML).text


@pytest.mark.parametrize("far", [AT + 3_600, (1 << 40) - 1])
def test_a_time_far_from_now_is_shown_as_such(world: World, far: int) -> None:
    with served(at(world, {event.block: BlockTime(far, True) for event in world.events})) as url:
        page = get(url + "/jobs/1/rounds/1", headers=HTML)
        assert page.status_code == 200 and "in the future" in page.text
        assert all(one["time_ahead"] for one in get(url + "/activity.json").json()["events"])
        assert get(url + "/activity.atom").status_code == 200


def found(url: str, query: str) -> list[tuple[str, str]]:
    return [(one["what"], one["path"]) for one in get(url + "/search.json", params={"q": query}).json()["matches"]]


def test_everything_is_found_by_what_identifies_it(world: World, url: str) -> None:
    round_ = world.state.rounds[1]
    update, final = round_.updates[2], round_.final
    assert final is not None
    commit, opening = ("commitment", "update")
    path = "/jobs/1/rounds/1#event-"
    expected = {
        update.tx.hex(): "transaction",
        "0x" + update.root.hex().upper().replace("X", "x"): opening,
        update.cid.hex(): "update_file",
        round_.commitments[2].digest.hex(): commit,
        final.head.hex(): "head",
        final.receipts.hex(): "receipts",
    }
    for query, what in expected.items():
        assert [(one, place.startswith(path)) for one, place in found(url, query.replace("0X", "0x"))] == [(what, True)]
    for codec in (RAW, DAG_PB):
        assert found(url, str(Cid(codec, update.cid)))[0][0] == "update_file"
    assert ("model", "/jobs/1/models/1") in found(url, final.root.hex())
    assert found(url, world.state.digest.hex()) == [("job", "/jobs/1")]
    assert found(url, world.keys[3].lower()) == found(url, world.keys[3]) == [("key", "/members/3")]


def test_names_and_numbers_are_found(url: str) -> None:
    assert found(url, "north") == found(url, " NORTH ") == [("member", "/members/0")]
    assert ("member", "/members/1") in found(url, "1") and ("job", "/jobs/1") in found(url, "1")
    assert found(url, "1.1") == found(url, "1/1") == [("round", "/jobs/1/rounds/1")]
    assert found(url, "test") == [("job", "/jobs/1")]
    assert found(url, "1.99") == found(url, "nothing at all") == found(url, "ab" * 32) == found(url, "") == []


def test_a_release_is_found_by_name_version_and_hashes() -> None:
    chamber = governed(played())
    release = chamber.world.history.decisions.release("cardio", "1.0")
    assert release is not None
    with served(view_of(chamber.world)) as url:
        for query in ("cardio", "cardio@1.0", release.id.hex()):
            assert found(url, query)[0] == ("release", "/releases/cardio/1.0"), query
        assert ("release", "/releases/cardio/1.0") in found(url, release.root.hex())
        assert found(url, "cardio@9") == []


def test_one_match_is_gone_to_by_its_path_alone(world: World, url: str) -> None:
    tx = world.state.rounds[1].updates[2].tx.hex()
    answer = get(url + f"/search?q={tx}", headers=HTML)
    assert answer.status_code == 303
    assert re.fullmatch(r"/jobs/1/rounds/1#event-\d+", answer.headers["location"])


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("query", [*(text for text in HOSTILE if len(text) < 256), "a&b=c#d", "%00", "{}", "{0.x}"])
def test_hostile_text_is_inert_and_said_again(url: str, query: str, language: str) -> None:
    page = get(url + "/search", params={"q": query, "lang": language}, headers=HTML)
    assert page.status_code == 200
    assert texts(language)("activity", "not_found") in page.text
    assert not any(bad in page.text for bad in ("<script>", "<img", "\u202e"))


def test_a_query_of_10000_characters_is_refused_by_size(url: str) -> None:
    assert get(url + "/search", params={"q": "a" * 10_000}, headers=HTML).status_code == 414
    assert get(url + "/search.json", params={"q": "a" * 300}).status_code == 400


def test_hostile_names_are_inert_in_the_activity(world: World) -> None:
    names = tuple((HOSTILE * 4)[: len(world.keys)])
    with served(view_of(world, known=network(names))) as url:
        for path in ("/activity", "/activity.atom", "/jobs/1/rounds/1"):
            answer = get(url + path, headers=HTML)
            assert answer.status_code == 200, path
            assert not any(bad in answer.text for bad in ("<script>", "<img", "\u202e")), path
        ET.fromstring(get(url + "/activity.atom").text)  # noqa: S314  our own server's


def test_transactions_are_linked_to_the_explorer(world: World) -> None:
    known = network()
    chain = type(known.chain)(**{**_fields(known.chain), "explorer": "https://scan.example/tx/{}"})
    known = type(known)(**{**_fields(known), "chain": chain})
    tx = world.state.rounds[1].updates[2].tx.hex()
    with served(view_of(world, known=known)) as url:
        assert f'href="https://scan.example/tx/0x{tx}"' in get(url + "/activity?limit=500", headers=HTML).text
        assert f'href="https://scan.example/tx/0x{world.state.tx.hex()}"' not in get(url + "/", headers=HTML).text
        page, round_ = get(url + "/jobs/1/rounds/1", headers=HTML).text, world.state.rounds[1]
    sent = [*round_.sorted_updates(), *round_.aggregates[0].attestations]
    tables = page.partition('id="h-timeline"')[0]
    assert all(f'href="https://scan.example/tx/0x{one.tx.hex()}"' in tables for one in sent)


def test_tables_of_attestations_say_when_and_traces_lead_to_updates(world: World) -> None:
    with served(view_of(world)) as url:
        page, model = (get(f"{url}/jobs/1/{what}/1", headers=HTML).text for what in ("rounds", "models"))
    tables = page.partition('id="h-aggregates"')[2].partition('id="h-timeline"')[0]
    said = world.state.rounds[1].aggregates[0].attestations
    assert said and all(f">block {one.block}</span>" in tables.lower() for one in said)
    for update in world.state.rounds[1].sorted_updates():
        assert f'id="update-{update.party}"' in page
        assert model.count(f'href="/jobs/1/rounds/1#update-{update.party}"') == 1


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def test_a_feed_keeps_the_newest_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_EVENTS", 5)
    monkeypatch.setattr(feeds, "MOST_NAMED", 7)
    feed = Feed()
    feed.extend(world.events, world.block)
    assert [one.number for one in feed.newest(1 << 32)] == list(range(len(world.events), len(world.events) - 5, -1))
    assert feed.first == len(world.events) - 4
    assert len(feed._named) == 7
    assert feed.find(world.events[-1].tx) and not feed.find(world.events[0].tx)
    assert len(feed.of_round(1, 1)) <= 5
    view = view_of(world)
    snapshot = view.latest.state.snapshot
    assert snapshot is not None
    view.latest.post(snapshot=replace(snapshot, feed=feed))
    with served(view) as url:
        assert "keeps the events from number" in get(url + "/activity", headers=HTML).text


def test_repetitions_of_one_thing_do_not_push_out_the_first_of_another() -> None:
    """Anyone can put a digest on record again and again: what it was first stays to be found."""
    feed, word = Feed(), bytes(32)
    feed._name(word, Named("update", "/first"))
    feed._name(word, Named("model", "/model"))
    for number in range(100):
        feed._name(word, Named("update", f"/{number}"))
    found = feed.find(word)
    assert [one.path for one in found[:2]] == ["/first", "/model"]
    assert [one.path for one in found[2:]] == [f"/{number}" for number in range(94, 100)]


def test_what_a_reading_does_not_know_yet_is_not_shown(world: World) -> None:
    view = view_of(world)
    snapshot = view.latest.state.snapshot
    assert snapshot is not None
    view.latest.post(snapshot=replace(snapshot, applied=3))
    with served(view) as url:
        assert [one["number"] for one in get(url + "/activity.json").json()["events"]] == [3, 2, 1]


def test_a_sentence_without_markup_has_none(world: World, url: str) -> None:
    now = Reading(network(), view_of(world).latest.state)
    for number, event in enumerate(world.events, 1):
        for language in LANGUAGES:
            text = plain_sentence(activity_line(now, NumberedEvent(number, event)), texts(language))
            assert not re.search("[<>{}]", text), text


def test_server_sent_events_carry_what_came(world: World) -> None:
    view = view_of(world)
    snapshot = view.latest.state.snapshot
    assert snapshot is not None
    view.latest.post(snapshot=replace(snapshot, applied=len(world.events) - 3))
    with served(view) as url, httpx.stream("GET", url + "/events", timeout=60) as answer:
        told = (json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: "))
        assert next(told)["activity"] == []
        view.latest.post(snapshot=snapshot)
        change = next(told)
    newest = [KINDS[type(event).__name__] for event in world.events[-3:]]
    assert ([one["kind"] for one in change["activity"]], change["missed"]) == (newest, 0)


def test_more_events_than_a_message_carries_are_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_TOLD", 2)
    data, last = service._change(Reading(network(), view_of(world).latest.state), 0)
    change = json.loads(data)
    assert last == len(world.events)
    assert [one["number"] for one in change["activity"]] == [last - 1, last]
    assert change["missed"] == last - 2


def test_the_news_are_what_is_decided_under_ids_of_the_chain_in_both_languages() -> None:
    world = played()
    council = governed(world)
    council.propose(CloseJob(1))
    world.emit(records.RoundOpened, job=1, round=2, opener=world.keys[0], epoch=1, deadline=9_000)
    view = view_of(world)
    with served(view) as address:
        first = get(address + "/atom.xml")
        root, atom = ET.fromstring(first.text), "{http://www.w3.org/2005/Atom}"  # noqa: S314  our own server's
        entries = list(root.iter(f"{atom}entry"))
        wanted = [event for event in world.events if type(event) in NEWS]
        ids = [one.findtext(f"{atom}id", "").split(":")[-2:] for one in entries]
        assert ids == [[event.tx.hex(), str(event.log)] for event in reversed(wanted)]
        titles = [one.findtext(f"{atom}title", "") for one in entries]
        assert titles[0] == "north made proposal 2. Close test. Vote until 2027-01-15 09:00:00 UTC."
        assert not any("opened round" in title or "voted" in title for title in titles)
        assert "關閉" in get(address + "/atom.xml?lang=zh-Hant").text
        assert get(address + "/atom.xml").content == first.content, "no time of the server's own is in it"
        again = get(address + "/atom.xml", headers={"If-None-Match": first.headers["etag"]})
        assert again.status_code == 304
        assert 'type="application/atom+xml"' in get(address + "/", headers=HTML).text
        other = ET.fromstring(get(address + "/activity.atom").text)  # noqa: S314  our own server's
        assert other.findtext(f"{atom}id") != root.findtext(f"{atom}id"), "a reader of both takes neither for the other"


def test_what_many_members_did_in_rounds_pushes_no_news_out_of_their_feed() -> None:
    world = World().open_job().honest_round()
    governed(world).propose(CloseJob(1))
    said = len(world.events)
    for number in range(2_500):
        world.emit(records.Announced, index=0, gateway=f"https://north.example/{number}")
    with served(view_of(world)) as address:
        text = get(address + "/atom.xml").text
    assert "Close test" in text and len(world.events) == said + 2_500


def test_hostile_names_are_text_in_the_news() -> None:
    world = World()
    governed(world.open_job().honest_round().honest_round())
    with served(view_of(world, known=network(HOSTILE, title=HOSTILE[0]))) as address:
        text = get(address + "/atom.xml").text
        root = ET.fromstring(text)  # noqa: S314  our own server's
        assert "<script" not in text
        assert {one.tag.split("}")[1] for one in root.iter()} <= {
            *("feed", "id", "title", "updated", "author", "name", "link", "entry", "category", "content")
        }
