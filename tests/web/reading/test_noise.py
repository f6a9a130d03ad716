"""What pages say of noise is what job and ledger have: what is hidden, what it costs, and what members spent."""

from typing import Any

from support.web.server import get, network, served, view_of
from support.worlds.masked import MaskedWorld
from support.worlds.member_lies import LIMITS, NOISY, begun, member_noise
from support.worlds.noise import noise_of
from support.worlds.world import World

NAMES = ("North", "East", "South", "West", "Centre")
HTML = {"Accept": "text/html"}


def shown(world: World, path: str, language: str = "en") -> tuple[dict[str, Any], str]:
    """A page's document and the page."""
    with served(view_of(world, known=network(NAMES))) as url:
        page = get(url + path, headers={**HTML, "Accept-Language": language}).text
        return get(url + path + ".json").json(), page


def rows() -> World:
    """A job that hides rows: three of four members spent the first round's cost, one of them late."""
    world = World(dp=noise_of(3)).open_job().open_round()
    world.spend(0, 1)
    for member in (0, 1, 2):
        world.submit(member)
    world.spend(2)
    return world


def test_a_job_that_hides_rows_says_what_it_costs_and_what_is_left() -> None:
    world = rows()
    document, page = shown(world, "/jobs/1")
    said, dp = document["noise"], noise_of(3)
    assert (said["level"], said["clip"], said["noise"], said["sampling"], said["steps"]) == (
        "example", "1", "2.36", "0.28", 4,
    )  # fmt: skip
    assert said["grain"] is said["variance"] is said["least"] is None
    assert (said["cost"], said["budget"], said["rounds"]) == (dp.cost, dp.budget, 3)
    assert said["epsilon_of_round"] == str(dp.epsilon(dp.cost))
    assert said["epsilon_of_budget"] == str(dp.epsilon(dp.budget))
    spent = {one["party"]["name"]: (one["epsilon"], one["rounds_left"]) for one in said["members"]}
    assert spent == dict.fromkeys(("North", "East", "South"), (str(dp.epsilon(dp.cost)), 2))
    for words in ("single rows", "each party&#39;s word alone", str(dp.epsilon(dp.budget)), "patients", "0.00001"):
        assert words in page.replace("'", "&#39;"), words
    chinese = shown(world, "/jobs/1", "zh-Hant")[1]
    assert "單筆資料" in chinese
    assert "剩餘回合數" in chinese


def test_a_round_says_who_spent_its_cost_and_who_too_late() -> None:
    world = rows()
    document, page = shown(world, "/jobs/1/rounds/1")
    found = {one["party"]["name"]: one["in_time"] for one in document["noise"]["members"]}
    assert found == {"North": True, "East": True, "South": False}
    assert document["noise"]["epsilon"] == str(noise_of(3).epsilon(noise_of(3).cost))
    assert "spent too late" in page
    assert "支付過遲" in shown(world, "/jobs/1/rounds/1", "zh-Hant")[1]


def test_a_job_that_hides_members_says_so_and_what_sums_have() -> None:
    world, dp = begun().honest_round().honest_round(), member_noise()
    document, page = shown(world, "/jobs/1")
    said = document["noise"]
    assert (said["level"], said["clip"], said["grain"], said["variance"], said["least"]) == (
        "client", str(dp.clip), dp.grain, dp.variance, 3,
    )  # fmt: skip
    assert said["sampling"] is said["steps"] is None
    assert [one["rounds_left"] for one in said["members"]] == [7] * 5
    for words in ("whole members", "an audit notices a sum with too little noise", str(dp.epsilon(2 * dp.cost))):
        assert words in page, words
    document, page = shown(world, "/jobs/1/rounds/2")
    assert {(one["rounds"], one["epsilon"]) for one in document["noise"]["members"]} == {
        (2, str(dp.epsilon(2 * dp.cost)))
    }
    assert "整個成員" in shown(world, "/jobs/1", "zh-Hant")[1]


def test_nothing_is_said_where_there_is_no_noise_or_nobody_has_spent() -> None:
    world = MaskedWorld().open_job().cast().begin((0, 1, 2, 3))
    document, page = shown(world, "/jobs/1")
    assert document["noise"] is None
    assert "h-noise" not in page
    assert shown(world, "/jobs/1/rounds/1")[0]["noise"] is None
    quiet = MaskedWorld(privacy=NOISY, limits=LIMITS, dp=member_noise()).open_job()
    document, page = shown(quiet, "/jobs/1")
    assert document["noise"]["members"] == []
    assert "Nobody has spent anything yet." in page
