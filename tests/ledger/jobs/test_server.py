"""The job's server optimiser: one form of each number, its bounds, and what does not go together."""

import json
from typing import Any

import msgspec
import pytest
from support.worlds.world import World

from ledger.errors import Malformed
from ledger.jobs.document import parse
from ledger.jobs.server import DEFAULTS, NONE, Adam, Dyn, Momentum, Scaffold, Server, check_server, describe, integers

ADAM = Adam(rate="0.1", beta1="0.9", beta2="0.99", tau="0.001")


def job(server: dict[str, Any], **changes: Any) -> bytes:
    document = json.loads(World().job.encode()) | {"server": server} | changes
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@pytest.mark.parametrize("name", DEFAULTS)
def test_every_optimiser_comes_back_from_its_document(name: str) -> None:
    said = {"optimiser": name} | DEFAULTS[name]
    found = parse(job(said))
    assert json.loads(found.encode())["server"] == said
    assert found.server.name == name


def test_decimals_become_integers_half_away_from_zero() -> None:
    assert [value for _, _, value in integers(ADAM)] == [6554, 58982, 64881, 16777]
    assert Momentum(rate="0.0000077", beta="0").integer("rate") == 1
    assert Momentum(rate="0.0000076", beta="0").integer("rate") == 0


@pytest.mark.parametrize(
    "text", ["", ".1", "0.10", "1.0", "01", "-1", "1e-3", "0,1", " 0.1", "0.1 ", "+1", "٠.1", "10000"]
)
def test_a_number_has_one_form(text: str) -> None:
    with pytest.raises(Malformed, match=r"server\.rate is not a decimal number in its one form"):
        parse(job({"optimiser": "momentum", "rate": text, "beta": "0.9"}))


@pytest.mark.parametrize(
    ("server", "field"),
    [
        ({"optimiser": "momentum", "rate": "0", "beta": "0.9"}, "rate"),
        ({"optimiser": "momentum", "rate": "16.1", "beta": "0.9"}, "rate"),
        ({"optimiser": "momentum", "rate": "1", "beta": "1"}, "beta"),
        ({"optimiser": "adam", "rate": "1.1", "beta1": "0.9", "beta2": "0.99", "tau": "0.001"}, "rate"),
        ({"optimiser": "adam", "rate": "0.1", "beta1": "0.9", "beta2": "1", "tau": "0.001"}, "beta2"),
        ({"optimiser": "yogi", "rate": "0.1", "beta1": "1", "beta2": "0.99", "tau": "0.001"}, "beta1"),
        ({"optimiser": "adagrad", "rate": "0.1", "tau": "0"}, "tau"),
        ({"optimiser": "adagrad", "rate": "0.1", "tau": "1.1"}, "tau"),
        ({"optimiser": "dyn", "alpha": "0"}, "alpha"),
        ({"optimiser": "dyn", "alpha": "100.1"}, "alpha"),
        ({"optimiser": "scaffold", "rate": "2.1"}, "rate"),
    ],
)
def test_a_number_out_of_its_bounds_is_refused_by_name(server: dict[str, Any], field: str) -> None:
    with pytest.raises(Malformed, match=rf"server\.{field} = {server[field]} is out of range"):
        parse(job(server))


def test_the_way_out_of_a_number_out_of_range_is_one_that_the_job_takes() -> None:
    with pytest.raises(Malformed) as caught:
        parse(job({"optimiser": "adagrad", "rate": "50", "tau": "0.001"}))
    assert caught.value.advice == "say one from 0.000015 to 1"
    for rate, tau in (("0.000015", "0.000001"), ("1", "1")):
        parse(job({"optimiser": "adagrad", "rate": rate, "tau": tau}))


@pytest.mark.parametrize(
    "server", [{"optimiser": "lamb"}, {"optimiser": "none", "rate": "1"}, {"optimiser": "adam", "rate": "0.1"}, {}]
)
def test_what_no_optimiser_has_is_refused(server: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        parse(job(server))


@pytest.mark.parametrize("server", [Dyn(alpha="0.1"), Scaffold(rate="1")])
@pytest.mark.parametrize(
    "others",
    [("median", "none", "none"), ("weighted_mean", "past_scores", "none"), ("weighted_mean", "none", "masked")],
)
def test_what_corrects_training_needs_open_updates_and_their_mean(server: Server, others: tuple[str, str, str]) -> None:
    check_server(server, "weighted_mean", "none", "none")
    check_server(ADAM, *others)
    with pytest.raises(Malformed, match="needs open updates, and their mean by samples alone"):
        check_server(server, *others)


def test_words_show_each_number_with_its_integer() -> None:
    assert describe(ADAM) == (
        "adam, rate 0.1 (6,554 / 2^16), beta1 0.9 (58,982 / 2^16), beta2 0.99 (64,881 / 2^16), "
        "tau 0.001 (16,777 / 2^24)"
    )
    assert describe(NONE) == "the mean update is added as it is"
    assert msgspec.json.encode(NONE) == b'{"optimiser":"none"}'
