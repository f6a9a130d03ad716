"""What the pages say of rounds: where they are, who did what, what members signed for, and how attempts failed."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import pytest
from support.preparation import PREPARATION, USE
from support.web.server import get, network, served, view_of
from support.worlds.world import LIMITS, World

from ledger.events import records
from ledger.formats.cid import raw
from ledger.formats.digest import NOTHING
from ledger.jobs.compression import Compression
from ledger.jobs.limits import limit_words
from ledger.jobs.rules import CentredClipping, GeometricMedian, Rule
from ledger.jobs.server import Adagrad
from ledger.rounds.carried import Carried
from web.reading.backlog import Backlog
from web.reading.latest import FetchedReceipts, MissingFile
from web.reading.ledger import Reading
from web.reading.receipts import NEWEST, read, read_carried, wanted
from web.reading.snapshot import freeze
from web.reading.updates.weights import round_weights

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
        network, public = view.network, False

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


def test_a_round_shows_the_state_that_it_carries() -> None:
    world = World(4, server=Adagrad(rate="0.1", tau="0.001")).open_job().honest_round()
    final = world.state.rounds[1].final
    assert final is not None
    unread, _ = shown(world, 1)
    assert unread["aggregates"][0]["carried"]["status"] == "unread"
    view = view_of(world, known=at_home(world), now=0)
    found = read_carried(final, world.files.fetch)
    assert isinstance(found, Carried)
    view.latest.post(carried={final.carried: found}, documents={world.job.digest: world.job})
    with served(view) as url:
        carried = get(f"{url}/jobs/1/rounds/1.json").json()["round"]["aggregates"][0]["carried"]
        page = get(f"{url}/jobs/1/rounds/1", headers=HTML).text
    (stream,), size = found.streams, world.layout.wide.size
    assert (carried["digest"], carried["status"], carried["scalars"]) == (final.carried.hex(), "read", 0)
    assert carried["streams"] == [{"name": "v", "root": stream.root.hex(), "cid": str(stream.file(size))}]
    assert stream.root.hex() in page
    assert str(stream.file(size)) in page


def test_a_job_says_what_becomes_of_its_mean_and_of_long_updates() -> None:
    limits = msgspec.structs.replace(LIMITS, on_norm="clip")
    world = World(4, server=Adagrad(rate="0.1", tau="0.001"), limits=limits).open_job()
    with served(view_of(world)) as url:
        page = get(f"{url}/jobs/1", headers=HTML).text
        plain = get(f"{url}/jobs/1?lang=zh-Hant", headers=HTML).text
    assert "<dt>Server optimiser</dt><dd>adagrad" in page
    assert ("rate 0.1" in page, "tau 0.001" in page, "are cut to the maximum norm" in page) == (True, True, True)
    assert ("伺服器最佳化器" in plain, "縮短至範數上限" in plain) == (True, True)
    with served(view_of(World(4).open_job())) as url:
        page = get(f"{url}/jobs/1", headers=HTML).text
    assert ("Server optimiser" in page, "are cut to" in page) == (False, False)


def test_a_job_says_how_its_updates_are_compressed() -> None:
    world = World(4, compression=Compression(bits=4, error_feedback=True)).open_job()
    with served(view_of(world)) as url:
        page = get(f"{url}/jobs/1", headers=HTML).text
        other = get(f"{url}/jobs/1?lang=zh-Hant", headers=HTML).text
        document = get(f"{url}/jobs/1.json").json()["document"]
    assert "<dt>Bits for each value of an update</dt><dd>4" in page
    assert "each party adds what rounding took to its next update" in page
    assert ("更新每個數值的位元數" in other, "各方將捨入的差額併入下一次更新" in other) == (True, True)
    assert document["compression"] == {"bits": 4, "error_feedback": True}
    with served(view_of(World(4).open_job())) as url:
        assert "Bits for each value" not in get(f"{url}/jobs/1", headers=HTML).text


def test_a_job_says_what_it_is_for_and_what_becomes_of_columns() -> None:
    world = World(4, preparation=PREPARATION, permitted_use=USE).open_job()
    with served(view_of(world)) as url:
        page = get(f"{url}/jobs/1", headers=HTML).text
        other = get(f"{url}/jobs/1?lang=zh-Hant", headers=HTML).text
        document = get(f"{url}/jobs/1.json").json()["document"]
    assert ("Permitted use" in page, "predict heart disease from" in page, "2099-12-31" in page) == (True, True, True)
    assert ("Preparation of tables" in page, "80 – 620" in page, "240.5" in page) == (True, True, True)
    assert ("許可用途" in other, "表格的前處理" in other) == (True, True)
    assert document["permitted_use"]["licence"] == "CC-BY-4.0"
    assert document["preparation"]["labels"][0]["values"]["4"] == "yes"
    with served(view_of(World(4).open_job())) as url:
        page = get(f"{url}/jobs/1", headers=HTML).text
    assert ("Permitted use" in page, "Preparation of tables" in page) == (False, False)


@pytest.mark.parametrize("rule", [GeometricMedian(), CentredClipping(radius=1 << 12)], ids=lambda r: type(r).__name__)
def test_what_updates_count_is_beside_their_verdicts(rule: Rule) -> None:
    """Factors and shares of the carried file, and the part of the model that follows from them, not from samples."""
    limits = msgspec.structs.replace(LIMITS, max_norm=1 << 20, on_norm="clip")
    world = World(4, rule=rule, limits=limits).open_job().open_round()
    for member in range(4):
        reach = 1 << (18 if member == 3 else 12)
        values = np.random.default_rng(member).integers(-reach, reach, world.layout.values).astype("<i4")
        world.submit(member, values, weight=1 + 99 * member)
    outcome = world.outcome()
    scalars = outcome.carried.scalars
    world.publish(0)
    view = view_of(world, known=at_home(world))
    state = view.latest.state
    view.latest.post(documents={world.state.digest: world.job})
    with served(view) as url:
        before = get(url + "/jobs/1/rounds/1.json").json()["round"]["updates"]
        assert {one["factor"] for one in before} == {one["share"] for one in before} == {None}
        view.latest.post(carried={outcome.carried.digest: outcome.carried})
        document = get(url + "/jobs/1/rounds/1.json").json()["round"]["updates"]
        page = get(url + "/jobs/1/rounds/1", headers=HTML).text
    assert state.carried == {}
    assert [one["factor"] for one in document] == list(scalars[:4])
    assert [one["share"] for one in document] == list(scalars[4:])
    whole = 4 << 16 if isinstance(rule, CentredClipping) else sum(scalars[4:])
    assert {one["whole"] for one in document} == {whole}
    assert f"cut to {100 * scalars[3] / 65536:.2f}"[:-1] in page.replace("&nbsp;", " ")
    for member in (1, 2):
        world.attest(member)
    reading = Reading(view.network, view_of(world, known=at_home(world)).latest.state)
    reading = Reading(
        view.network, replace(reading.state, documents=view.latest.state.documents, carried=view.latest.state.carried)
    )
    parts = {part.index: part.share for part in round_weights(reading, world.state, world.round).parts}
    assert parts == {k: round(Fraction(1_000_000 * share, whole)) for k, share in enumerate(scalars[4:])}


def test_limits_stand_on_the_job_s_page_as_on_the_command_line(world: World) -> None:
    job, bits = world.job, max(tensor.fraction_bits for tensor in world.job.tensors)
    with served(view_of(world)) as url:
        page = get(url + "/jobs/1", headers=HTML).text
    for limit in (job.admission.max_value, job.admission.max_norm):
        assert f'{limit / 2**bits:g} <span class="quiet">({limit:,} / 2^{bits})</span>' in page
        assert limit_words(job, limit) == f"{limit / 2**bits:g} ({limit:,} / 2^{bits})"
