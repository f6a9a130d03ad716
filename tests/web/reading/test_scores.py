"""What the pages say of contribution scores: what the ledger settled, what it counts, and what is still under way."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from support.web.server import AT, HOSTILE, get, network, served, view_of
from support.worlds.chain import BOARD, CHAIN
from support.worlds.decisions import Chamber
from support.worlds.scorers import COSINE, PRIVATE, QUORUM, ScoredWorld, shapley

from ledger.events import records
from ledger.formats.claims import pack_scores, scores_commitment
from ledger.rounds.weights import factors, tallied
from ledger.scores.tables import ranking
from web.drawing.language import LANGUAGES
from web.drawing.scores import BALANCE, balances, in_unit
from web.reading.latest import Audited, Latest
from web.reading.snapshot import freeze

HTML = {"Accept": "text/html"}
NAMES = ("North", "East", "South", "West")
FIRST = (30_000, -2_000, 12_345, 40)


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html)).replace("&nbsp;", " ")


def shown(world: ScoredWorld, names: tuple[str, ...] = NAMES, **changes: Any) -> Any:
    view = view_of(world, known=network(names))
    view.latest.post(**changes)
    return view


def make(rounds: int = 1, scoring: Any = None, weighting: Any = "none", **options: Any) -> ScoredWorld:
    """Final rounds, none of them scored yet."""
    content = b""
    if scoring is None:
        content, scoring = shapley(weighting)
    world = ScoredWorld(scoring, content=content, **options)
    world.open_job()
    for _ in range(rounds):
        world.honest_round()
    return world


def settle(world: ScoredWorld, number: int, scores: Sequence[int], without: Sequence[int] = ()) -> None:
    world.open_scoring()
    assert world.under_way == number
    world.score(honest=scores, without=without)


@pytest.fixture
def world() -> ScoredWorld:
    """Round 1 is settled; in round 2 South withholds; round 3 is void; round 4 waits."""
    made = make(4)
    settle(made, 1, FIRST)
    settle(made, 2, (10_000, 3_000, 20_000, -500), without=(2,))
    settle(made, 3, (1, 2, 3, 4), without=(0, 1, 2))
    return made


def test_sums_are_the_ledger_s_best_first_and_what_is_forfeited_counts_nothing(world: ScoredWorld) -> None:
    with served(shown(world)) as url:
        page = get(url + "/jobs/1/scores.json").json()
    found = [(one["party"]["index"], one["score"], one["rounds"]) for one in page["sums"]]
    assert found == [(one.index, one.score, one.rounds) for one in ranking(world.state, lambda index: NAMES[index])]
    assert found == [(0, 40_000, 2), (2, 12_345, 2), (1, 1_000, 2), (3, -460, 2)]
    assert page["sums"][0]["factor"] is None
    assert page["unit"] == "nats"
    assert page["made"]["how"].startswith("shapley of the loss on a committed set of 40 rows")


def test_rounds_stand_newest_first_each_with_what_became_of_it(world: ScoredWorld) -> None:
    with served(shown(world)) as url:
        lines = get(url + "/jobs/1/scores.json").json()["rounds"]
        page = text_of(get(url + "/jobs/1/scores", headers=HTML).text)
    assert [(one["round"], one["phase"]) for one in lines] == [
        (4, "Waiting"),
        (3, "Void"),
        (2, "Settled"),
        (1, "Settled"),
    ]
    assert [one["score"] for one in lines[3]["scores"]] == list(FIRST)
    assert [one["forfeited"] for one in lines[2]["scores"]] == [False, False, True, False]
    assert (lines[2]["withheld"], lines[2]["scores"][2]["score"]) == ([2], 20_000)
    assert (lines[1]["withheld"], lines[1]["revealed"], lines[1]["quorum"]) == ([0, 1, 2], 1, QUORUM)
    assert "4 of 4 committed, 1 revealed; withheld: North, East, South" in page
    assert "+0.0123" in page and "+0.0200 forfeited" in page
    assert "fedledger scores --network NETWORK.toml 1 --void" in page


def test_a_refused_update_and_a_missing_one_have_no_score() -> None:
    made = make(0)
    made.open_round()
    for member, weight in ((0, 10), (1, 5_000), (2, 10)):
        made.submit(member, weight=weight)
    made.publish(0)
    made.attest(1)
    made.attest(2)
    settle(made, 1, (5_000, 7_000))
    with served(shown(made)) as url:
        (line,) = get(url + "/jobs/1/scores.json").json()["rounds"]
        page = get(url + "/jobs/1/scores", headers=HTML).text
        round_ = get(url + "/jobs/1/rounds/1.json").json()["scoring"]
        member = get(url + "/members/1.json").json()
    scores = [(one["index"], one["admitted"], one["score"]) for one in line["scores"]]
    assert scores == [(0, True, 5_000), (1, False, None), (2, True, 7_000)]
    assert page.count("✗") == 2, "the update's cell, and the legend"
    assert [one["party"]["index"] for one in round_["updates"]] == [0, 2]
    assert (member["standing"], member["rounds"][0]["score"]["admitted"]) == (None, False)


def test_rounds_go_on_where_a_page_ends(world: ScoredWorld) -> None:
    with served(shown(world)) as url:
        first = get(url + "/jobs/1/scores.json?limit=3").json()
        rest = get(url + first["next"]).json()
        page = get(url + "/jobs/1/scores?limit=3", headers=HTML).text
    assert [one["round"] for one in first["rounds"] + rest["rounds"]] == [4, 3, 2, 1]
    assert rest["next"] is None
    assert 'rel="next" href="/jobs/1/scores?before=2&amp;limit=3"' in page


def commit(made: ScoredWorld, member: int) -> None:
    salt, key = bytes([member]) * 32, made.keys[member]
    digest = scores_commitment(CHAIN, BOARD.address, 1, 1, key, salt, FIRST)
    made.emit(records.ScoresCommitted, job=1, round=1, scorer=key, commitment=digest)


def reveal(made: ScoredWorld, member: int) -> None:
    salt, key = bytes([member]) * 32, made.keys[member]
    made.emit(records.ScoresRevealed, job=1, round=1, scorer=key, salt=salt, scores=pack_scores(FIRST))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("time", "revealed", "phase", "deadline"),
    [
        (9_000, 0, "Committing", 9_000),
        (9_001, 0, "Revealing", 9_060),
        (9_060, 1, "Revealing", 9_060),
        (9_061, 1, "AwaitingSettlement", None),
        (9_001, 2, "AwaitingSettlement", None),
    ],
)
def test_a_scoring_s_phase_follows_from_the_chain_s_clock(
    time: int, revealed: int, phase: str, deadline: int | None, language: str
) -> None:
    made = make().open_scoring()
    for member in (0, 3):
        commit(made, member)
    for member in (0, 3)[:revealed]:
        reveal(made, member)
    with served(shown(made, time=time)) as url:
        line = get(url + "/jobs/1/scores.json").json()["rounds"][0]
        round_ = get(url + "/jobs/1/rounds/1.json").json()["scoring"]
        job = get(url + "/jobs/1.json").json()["scores"]
        pages = [get(f"{url}{path}?lang={language}", headers=HTML).text for path in ("/jobs/1/rounds/1", "/jobs/1")]
    for found in (line, round_, job["running"]):
        assert (found["phase"], found["deadline"]) == (phase, deadline)
    assert [one["state"] for one in round_["parts"]] == ["revealed"] * revealed + ["committed"] * (2 - revealed)
    assert (round_["root"], round_["updates"][0]["score"]) == (None, None)
    assert all(f'<time datetime="1970-01-01T02:3{deadline // 60 % 10}' in page for page in pages if deadline)
    assert "{" not in text_of("".join(pages))


def test_time_alone_is_a_change_where_it_turns_a_scoring() -> None:
    latest = Latest(replace(shown(make().open_scoring()).latest.state, time=8_999))
    serial = latest.state.serial
    latest.tick(99, 9_000, AT)
    assert latest.state.serial == serial
    latest.tick(99, 9_001, AT)
    assert latest.state.serial == serial + 1


def test_a_round_shows_what_each_scorer_revealed_and_the_median(world: ScoredWorld) -> None:
    scoring = world.state.scorings[2]
    with served(shown(world)) as url:
        found = get(url + "/jobs/1/rounds/2.json").json()["scoring"]
        page = get(url + "/jobs/1/rounds/2", headers=HTML).text
        void = get(url + "/jobs/1/rounds/3", headers=HTML).text
    assert found["root"] == scoring.root.hex() and found["opening"]["seed"] == scoring.seed.hex()
    assert [one["state"] for one in found["parts"]] == ["revealed", "revealed", "withheld", "revealed"]
    assert found["parts"][2]["scores"] == [] and found["parts"][2]["revealed_tx"] is None
    assert found["parts"][0]["scores"] == [10_000, 3_000, 20_000, -500]
    assert [one["score"] for one in found["updates"]] == [10_000, 3_000, 20_000, -500]
    for said in (scoring.root.hex(), scoring.seed.hex(), "+0.0030", "−0.0005", "withheld", "so its own counts as zero"):
        assert said in page
    assert "Fewer than 2 revealed in time (1 did)" in void


def test_scores_that_the_last_audit_refuted_are_marked() -> None:
    made = make(2)
    settle(made, 1, FIRST)
    made.open_scoring().score()
    report = made.audit(made.observed())
    with served(shown(made, audited=Audited(AT, 0.5, {1: 2}, report))) as url:
        lines = get(url + "/jobs/1/scores.json").json()["rounds"]
        paths = ("/jobs/1/scores", "/jobs/1/rounds/1", "/jobs/1/rounds/2")
        pages = [get(url + path, headers=HTML).text for path in paths]
    assert [(one["round"], one["refuted"]) for one in lines] == [(2, False), (1, True)]
    assert [page.count("audit: refuted") for page in pages] == [1, 1, 0]


def test_scores_stand_beside_the_updates_of_a_trace(world: ScoredWorld) -> None:
    with served(shown(world)) as url:
        document = get(url + "/jobs/1/models/2.json").json()
        page = get(url + "/jobs/1/models/2", headers=HTML).text
        unscored = get(url + "/jobs/1/models/4?limit=1", headers=HTML).text
    assert document["unit"] == "nats"
    assert [one["score"] for one in document["models"][1]["updates"]] == list(FIRST)
    assert page.count('<text class="gain') == page.count('class="gained"') == 8
    assert "its score (nats)" in page
    assert 'class="gain' not in unscored


def test_a_member_s_scores_by_round_and_in_sum(world: ScoredWorld) -> None:
    with served(shown(world)) as url:
        south = get(url + "/members/2.json").json()
        page = get(url + "/members/2", headers=HTML).text
    standing = south["standing"]
    assert (standing["sum"]["score"], standing["place"], standing["parties"]) == (12_345, 2, 4)
    assert [(one["round"], one["score"], one["sum"]) for one in standing["latest"]] == [
        (1, 12_345, 12_345),
        (2, 0, 12_345),
    ]
    assert [one["score"]["forfeited"] for one in south["rounds"]] == [False, False, True, False]
    assert "place 2 of 4 scored parties" in page
    assert page.count("<figure") == page.count('<svg class="plot"') == 1
    assert "<s>" in page


def test_equal_sums_share_a_place() -> None:
    made = make()
    settle(made, 1, (5, 9, 9, 1))
    with served(shown(made)) as url:
        places = [get(f"{url}/members/{index}.json").json()["standing"]["place"] for index in range(4)]
    assert places == [3, 1, 1, 4]


def test_past_scores_weigh_the_next_round_by_the_ledger_s_own_factors() -> None:
    made = make(weighting="past_scores")
    settle(made, 1, FIRST)
    made.honest_round()
    with served(shown(made)) as url:
        page = get(url + "/jobs/1/scores.json").json()
        text = text_of(get(url + "/jobs/1/scores", headers=HTML).text)
    assert {one["party"]["index"]: one["factor"] for one in page["sums"]} == factors(made.state, made.round)
    assert abs(sum(one["share"] for one in page["sums"]) - 1_000_000) < 4
    assert "Share of the next weight" in text


def test_sums_go_on_from_where_they_were_and_are_the_whole_s(world: ScoredWorld) -> None:
    before = freeze(world.history, 1)
    assert freeze(world.history, 2, before).standings[1] is before.standings[1], "nothing was settled since"
    settle(world, 4, (0, 90_000, 0, 0))
    after = freeze(world.history, 3, before)
    assert after.standings == freeze(world.history, 3).standings
    assert after.standings[1].tallies[1] == (91_000, 3)
    assert before.standings[1].tallies[1] == (1_000, 2), "a snapshot stays what it is"


def test_sums_of_a_history_that_was_undone_are_not_kept(world: ScoredWorld) -> None:
    other = make(4)
    settle(other, 1, FIRST)
    settle(other, 2, (1, 1, 1, 1))
    found = freeze(other.history, 1, freeze(world.history, 1))
    assert found.standings[1].tallies == tallied(other.state)


class TestRelease:
    """A release names the scores of its round; a page says whether they are."""

    def page(self, world: ScoredWorld, root: bytes) -> tuple[Any, str]:
        council = Chamber(world, AT + 3_600)
        council.release(msgspec.structs.replace(council.model(), scores=root.hex()))
        with served(shown(world)) as url:
            document = get(url + "/releases/cardio/1.0.json").json()
            return document["evidence"], get(url + "/releases/cardio/1.0", headers=HTML).text

    def test_the_round_s_own(self, world: ScoredWorld) -> None:
        evidence, page = self.page(world, world.state.scorings[1].root)
        assert [one["score"] for one in evidence["scoring"]["updates"]] == list(FIRST)
        assert '<a href="/jobs/1/rounds/1#scores">the round&#39;s scores</a>' in page
        assert "+0.0300" in page

    def test_none(self, world: ScoredWorld) -> None:
        _, page = self.page(world, bytes(32))
        assert "#scores" not in page

    def test_another(self, world: ScoredWorld) -> None:
        council = Chamber(world, AT + 3_600)
        council.propose(msgspec.structs.replace(council.model(), scores="05" * 32))
        with served(shown(world)) as url:
            page = get(url + "/proposals/1", headers=HTML).text
        assert "not the round&#39;s scores" in page


@pytest.mark.parametrize(
    ("scoring", "unit", "word", "on"),
    [
        (PRIVATE, "points", "percentage points", "own private data"),
        (COSINE, "cosine", "cosine", "the updates themselves"),
    ],
)
def test_a_score_is_in_the_unit_of_what_is_measured(scoring: Any, unit: str, word: str, on: str) -> None:
    made = make(scoring=scoring)
    settle(made, 1, FIRST)
    with served(shown(made)) as url:
        assert get(url + "/jobs/1/scores.json").json()["unit"] == unit
        page = text_of(get(url + "/jobs/1/scores", headers=HTML).text)
    assert word in page and on in page


def test_without_the_job_s_document_scores_are_plain_parts_per_million(world: ScoredWorld) -> None:
    with served(shown(world, documents={})) as url:
        page = get(url + "/jobs/1/scores", headers=HTML)
        assert get(url + "/jobs/1/scores.json").json()["made"] is None
        assert get(url + "/jobs/1", headers=HTML).status_code == 200
    assert "+12,345" in page.text and "parts per million" in page.text


def test_a_job_without_scores_says_so_and_shows_none() -> None:
    from support.worlds.world import World

    with served(view_of(World().open_job().honest_round())) as url:
        assert "makes no contribution scores" in get(url + "/jobs/1/scores", headers=HTML).text
        assert get(url + "/jobs/1/rounds/1.json").json()["scoring"] is None
        assert get(url + "/jobs/1.json").json()["scores"] is None
        pages = [get(url + path, headers=HTML).text for path in ("/", "/jobs/1", "/jobs/1/rounds/1", "/members/0")]
        assert get(url + "/jobs/2/scores.json").status_code == 404
    assert [page for page in pages if "scores" in page] == []


def test_the_overview_links_to_the_scores(world: ScoredWorld) -> None:
    with served(shown(world)) as url:
        assert 'href="/jobs/1/scores"' in get(url + "/", headers=HTML).text


def test_hostile_names_are_text_and_pages_stay_small(world: ScoredWorld) -> None:
    paths = ["/jobs/1/scores", "/jobs/1/rounds/2", "/jobs/1/models/2", *(f"/members/{n}" for n in range(4))]
    with served(shown(world, HOSTILE)) as url:
        for path in paths:
            answer = get(url + path, headers=HTML)
            assert answer.status_code == 200, path
            assert len(answer.content) < 100_000, path
            for bad in ("<script>", "<img", "\u202e"):
                assert bad not in answer.text, (path, bad)


def test_of_many_parties_the_best_have_a_column_and_the_document_has_all() -> None:
    made = make(1, members=20)
    settle(made, 1, [1_000 * member for member in range(20)])
    with served(shown(made, tuple(f"Clinic {n}" for n in range(20)))) as url:
        document = get(url + "/jobs/1/scores.json").json()
        page = get(url + "/jobs/1/scores", headers=HTML).text
        round_ = get(url + "/jobs/1/rounds/1", headers=HTML)
    (matrix,) = re.findall(r'<table class="stacked matrix">.*?</thead>', page, re.DOTALL)
    assert re.findall(r"/members/(\d+)", matrix) == [str(n) for n in range(8, 20)]
    assert "+8" in text_of(matrix)
    assert len(document["sums"]) == len(document["rounds"][0]["scores"]) == 20
    assert len(round_.content) < 100_000


@pytest.mark.parametrize(
    ("score", "unit", "exact", "shown"),
    [
        (12_345, "points", "1.2345", "+1.23"),
        (-5_464, "points", "-0.5464", "−0.55"),
        (-49, "points", "-0.0049", "−0.0049"),
        (0, "points", "0.0000", "0.00"),
        (999_999_999, "points", "99999.9999", "+100,000.00"),
        (12_345, "nats", "0.012345", "+0.0123"),
        (-7, "nats", "-0.000007", "−0.000007"),
        (1_000_000, "cosine", "1.000000", "+1.0000"),
        (-1_234_567, "ppm", "-1234567", "−1,234,567"),
    ],
)
def test_a_score_is_shown_in_its_unit_and_never_as_nothing(score: int, unit: str, exact: str, shown: str) -> None:
    assert in_unit(score, unit) == (exact, shown)


@pytest.mark.parametrize("scores", [[], [0], [5, 3], [-5, -3], [7, -3, 0], [1, -1_000_000_000], [999_999_999] * 3])
def test_bars_start_at_one_zero_and_stay_in_their_frame(scores: list[int]) -> None:
    bars = balances(scores)
    assert len({bar.zero for bar in bars}) <= 1
    for bar, score in zip(bars, scores, strict=True):
        assert bar.x >= 0 and bar.width >= 0
        assert bar.x + bar.width <= BALANCE + 0.2
        assert abs((bar.x + bar.width if score < 0 else bar.x) - bar.zero) <= 0.1
        assert (bar.style == "against") == (score < 0)
    assert sorted(bars, key=lambda bar: bar.width) == sorted(bars, key=lambda bar: abs(scores[bars.index(bar)]))


def test_a_bar_that_would_flatten_the_others_is_cut() -> None:
    long, short, lost = balances([1_000_000, 1_000, -2_000])
    assert long.cut is not None and short.cut is lost.cut is None
    assert long.x < long.cut < long.x + long.width <= BALANCE
    assert short.width > BALANCE / 10 and lost.style == "against"
    assert [bar.cut for bar in balances([5, 4, 3, 0])] == [None] * 4
