"""What exports say of rounds of every kind: refused updates, masked sums, members with any name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.stock import BILL, LINEAGE, STATEMENT, stock
from support.worlds import lies, releases
from support.worlds.masked import MaskedWorld
from support.worlds.world import LIMITS, World

from ledger.events.signed import SignedExportKey
from ledger.exports import envelope
from ledger.exports.bill import bill
from ledger.exports.facts import ExportFacts
from ledger.exports.lineage import lineage
from ledger.exports.p256 import draw, point_of
from ledger.exports.training import training_statement
from ledger.formats.cid import Cid
from ledger.formats.claims import Claimed, RoundName, claim_of
from ledger.formats.digest import checksum_address, encode
from ledger.releases.card import Card
from ledger.releases.file import ModelFile

BOARD = "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0"
NAMES = ('"clinic" <b>&', "診所\u200f", "a\\b", "x" * 60, "east")
KEY = draw()


def refused() -> World:
    """The last of four updates is refused for its weight."""
    world = lies.begun(3)
    world.submit(3, weight=LIMITS.max_weight + 1)
    world.open_pending().publish(1)
    for member in (0, 2):
        world.attest(member)
    return world


def masked() -> MaskedWorld:
    """A sum of all members' updates."""
    return MaskedWorld().open_job().cast().honest_round()


def facts_of(world: World | MaskedWorld) -> ExportFacts:
    release = releases.release(world, round_=world.state.latest)
    file = ModelFile(world.place, BOARD, release, world.state, world.job)
    report = releases.report_on(world, "north", "south") if world.round.final else None
    card = Card.of(file, report, world.history.decisions, "Ledger", NAMES.__getitem__)
    files = {"model.safetensors": "11" * 32, "README.md": "22" * 32, "job.json": "33" * 32}
    return ExportFacts(card, files, 1_800_000_000, masks=world.history.masks.get(1))


def key_of(facts: ExportFacts) -> SignedExportKey:
    return SignedExportKey(
        fedledger="signed/1",
        chain=facts.place.chain,
        contract=checksum_address(bytes.fromhex(facts.place.contract[2:])),
        member=facts.final.aggregator,
        curve="P-256",
        public=point_of(KEY).hex(),
        signature="0x" + "00" * 65,
    )


def statement_of(facts: ExportFacts) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(training_statement(facts, key_of(facts)))
    return found


@pytest.mark.parametrize("make", [refused, masked])
def test_the_stock_tools_take_it(make: Callable[[], World], tmp_path: Path) -> None:
    facts = facts_of(make())
    sealed = envelope.seal(training_statement(facts, key_of(facts)), KEY)
    for name, content in {"statement": encode(sealed), "bill": bill(facts), "lineage": lineage(facts)}.items():
        (tmp_path / name).write_bytes(content)
    stock(STATEMENT, tmp_path / "statement", module="in_toto_attestation")
    stock(BILL, tmp_path / "bill", module="cyclonedx")
    stock(LINEAGE, tmp_path / "lineage", module="prov")


def test_the_claim_follows_from_the_statement_alone() -> None:
    """By nothing but its texts: what a stranger with Keccak-256 does."""
    said = statement_of(facts_of(refused()))["predicate"]
    place = RoundName(int(said["chain"]), said["ledger"], int(said["job"]), int(said["round"]))
    words = {name: bytes.fromhex(said[name]) for name in ("base", "root", "anchor", "head", "receipts", "carried")}
    cid, verdicts = Cid.parse(said["cid"]).digest, bytes.fromhex(said["verdicts"])
    claimed = Claimed(cid=cid, as_of=int(said["asOf"]), verdicts=verdicts, **words)
    assert claim_of(place, bytes.fromhex(said["opened"]), claimed).hex() == said["claim"]


def test_a_refused_update_is_named_and_not_used() -> None:
    facts = facts_of(refused())
    verdicts = [one["verdict"] for one in statement_of(facts)["predicate"]["updates"]]
    assert verdicts[:3] == ["admitted"] * 3
    assert verdicts[3] != "admitted"
    document = json.loads(lineage(facts))
    update = f"fl:update-2-{facts.lineage[0].updates[3].key}"
    assert document["entity"][update]["terms:verdict"] == verdicts[3]
    assert update not in {one["prov:entity"] for one in document["used"].values()}
    described = json.loads(bill(facts))["metadata"]["component"]["modelCard"]["modelParameters"]["datasets"]
    assert {one["name"].removeprefix("rows of "): one["description"].split()[4] for one in described}[NAMES[3]] == "1,"


def test_a_masked_sum_names_whose_updates_are_in_it() -> None:
    facts = facts_of(masked())
    said = statement_of(facts)["predicate"]
    assert said["summed"] == list(NAMES)
    assert "summed" not in statement_of(facts_of(refused()))["predicate"]


def test_every_lineage_ends_at_the_initial_model() -> None:
    facts = facts_of(refused())
    document = json.loads(lineage(facts))
    derived = {one["prov:generatedEntity"]: one["prov:usedEntity"] for one in document["wasDerivedFrom"].values()}
    place, way = "fl:released", list[str]()
    while place in derived:
        way.append(place := derived[place])
    assert way == ["fl:model-2", "fl:model-1", "fl:model-0"]
    assert document["entity"]["fl:model-0"]["terms:root"] == facts.job.initial_model.root


def test_counts_are_all_that_is_said_of_data() -> None:
    facts = facts_of(refused())
    for one in json.loads(bill(facts))["metadata"]["component"]["modelCard"]["modelParameters"]["datasets"]:
        assert one["classification"] == "private"
        assert one.keys() == {"type", "bom-ref", "name", "classification", "description", "governance"}
