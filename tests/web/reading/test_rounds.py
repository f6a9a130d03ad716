"""What the pages say of rounds: where they are, who did what, what members signed for, and how attempts failed."""

from typing import Any

import msgspec
import pytest
from support.web.server import get, network, served, view_of
from support.worlds.world import World

from ledger.events import records
from ledger.formats.cid import raw
from ledger.formats.digest import NOTHING
from web.reading.backlog import Backlog
from web.reading.latest import FetchedReceipts, MissingFile
from web.reading.receipts import NEWEST, read, wanted
from web.reading.snapshot import freeze

NAMES = ("North", "East", "South", "West")
HTML = {"Accept": "text/html"}
RECEIPTS_BIT = 1 << 255


@pytest.fixture
def world() -> World:
    return World(4).open_job()


def at_home(world: World) -> Any:
    """The network file of the world's ledger."""
    known, replace = network(NAMES), msgspec.structs.replace
    ledger = replace(known.contracts.ledger, address=world.place.contract)
    return replace(known, contracts=replace(known.contracts, ledger=ledger))


def shown(world: World, number: int, now: int = 0, *, receipts: bool = True) -> tuple[dict[str, Any], str]:
    """A round's document and page at a time."""
    view = view_of(world, known=at_home(world), now=now)
    snapshot = view.latest.state.snapshot
    assert snapshot
    if receipts:
        found = {one.claim: read(view.network, of, one, world.files.fetch) for of, one in wanted(snapshot)}
        view.latest.post(receipts=found)
    with served(view) as url:
        path = f"/jobs/1/rounds/{number}"
        return get(url + path + ".json").json()["round"], get(url + path, headers=HTML).text


def names(parties: list[dict[str, Any]]) -> list[str]:
    return [party["name"] for party in parties]


def test_a_round_is_where_time_puts_it(world: World) -> None:
    world.open_round()
    world.submit(0)
    ends = [1_000, 1_060, 1_180]
    for now, phase, deadline in zip((1_000, 1_001, 1_061), ("Collecting", "Opening", "Aggregating"), ends, strict=True):
        document, page = shown(world, 1, now)
        assert (document["phase"], document["deadline"]) == (phase, deadline)
        assert ("never opened" in page) == (phase == "Aggregating")
        assert names(document["unopened"]) == ["North"]
        assert names(document["missing"]) == ["East", "South", "West"]
    assert "No update was opened" in page


def test_a_change_by_time_alone_is_one_that_readers_hear_of(world: World) -> None:
    world.open_round()
    snapshot = freeze(world.history, 1)
    assert not snapshot.turned(1, 1_000)
    assert snapshot.turned(1_000, 1_001)
    assert not snapshot.turned(1_061, 9_000)


def test_a_failed_attempt_says_who_said_what(world: World) -> None:
    world.open_round()
    for member in range(4):
        world.submit(member)
    lie = world.open_pending().publish(0, root=b"\x09" * 32, cid=b"\x08" * 32)
    world.say(1, records.Form.OTHER, b"\x07" * 32, lie.receipts)
    world.say(2, records.Form.MISSING, lie.claim, (RECEIPTS_BIT | 0b1010).to_bytes(32, "big"))
    world.publish(1, without=(3,))
    world.attest(2)
    world.attest(0)
    document, page = shown(world, 1)
    failed, final = document["aggregates"]
    assert (failed["end"], final["end"]) == ("outvoted", "finalised")
    assert [one["form"] for one in failed["attestations"]] == ["other", "missing"]
    lacking = failed["attestations"][1]
    assert (names(lacking["lacks"]), lacking["lacks_receipts"]) == (["East", "West"], True)
    assert (final["base"], final["head"]) == (world.job.initial_root.hex(), world.aggregate.head.hex())
    for words in ("computed another claim", "lacks bytes", "lacks the receipts file", "Its aggregator got a strike."):
        assert words in page


def test_an_update_has_those_that_signed_for_it(world: World) -> None:
    world.open_round()
    for member in range(4):
        world.submit(member)
    world.open_pending().publish(0, without=(3,))
    document, page = shown(world, 1)
    assert [names(one["signers"]) for one in document["updates"]] == [list(NAMES)] * 3 + [[]]
    assert [one["certified"] for one in document["updates"]] == [True, True, True, False]
    assert document["updates"][3]["verdict"]["name"] == "UNAVAILABLE"
    assert document["aggregates"][0]["receipts"]["status"] == "read"
    assert "too few members signed that they hold its bytes" in page


def test_receipts_that_are_not_at_hand_are_not_made_up(world: World) -> None:
    world.honest_round()
    document, page = shown(world, 1, receipts=False)
    assert {one["signers"] for one in document["updates"]} == {None}
    assert document["aggregates"][0]["receipts"]["status"] == "unread"
    assert "receipts not read" in page


def test_a_file_that_is_not_receipts_certifies_nothing(world: World) -> None:
    world.open_round()
    for member in range(4):
        world.submit(member)
    named = world.files.put(b"nothing of the kind")
    assert named == raw(b"nothing of the kind")
    world.open_pending().publish(0, receipts=named.digest)
    document, page = shown(world, 1)
    assert document["aggregates"][0]["receipts"]["status"] == "malformed"
    assert "certifies nothing" in page


def test_the_end_without_a_model_has_its_reason(world: World) -> None:
    world.open_round().advance()
    document, page = shown(world, 1)
    assert (document["phase"], document["reason"]) == ("Abandoned", "TOO_FEW_UPDATES")
    assert "too few updates were opened or admitted" in page


def test_a_majority_may_agree_that_there_is_no_model(world: World) -> None:
    world.open_round()
    world.submit(0)
    world.open_pending().publish(0)
    assert world.aggregate.root == NOTHING
    world.attest(1)
    world.attest(2)
    document, page = shown(world, 1)
    assert (document["phase"], document["aggregates"][0]["end"]) == ("Abandoned", "no_model")
    assert "A majority agrees that no model can be made." in page


def test_receipts_are_read_in_the_background_once_and_only_of_the_newest_rounds(world: World) -> None:
    world.honest_round()
    view = view_of(world, known=at_home(world))
    fetched: list[object] = []

    class Library:
        network = view.network

        def fetch(self, cid: Any, start: int = 0, stop: int | None = None) -> Any:
            fetched.append(cid)
            return world.files.fetch(cid, start, stop)

    backlog = Backlog(view.latest, Library())  # type: ignore[arg-type]
    backlog.catch_up()
    known = view.latest.state.receipts[world.aggregate.claim]
    assert isinstance(known, FetchedReceipts)
    assert (known.entries, known.certified) == (4, frozenset(range(4)))
    count = len(fetched)
    backlog.catch_up()
    assert len(fetched) == count
    lost = read(view.network, world.round, world.aggregate, World().files.fetch)
    assert isinstance(lost, MissingFile)
    assert not lost.final
    rounds = [of.number for of, _ in wanted(freeze(_many(NEWEST + 2).history, 1))]
    assert rounds == list(range(NEWEST + 2, 2, -1))


def _many(rounds: int) -> World:
    terms = records.Terms(
        rounds=rounds, update_seconds=60, open_seconds=60, aggregate_seconds=60, attest_seconds=60, attempts=3
    )
    made = World(3, terms=terms).open_job()
    for _ in range(rounds):
        made.honest_round()
    return made
