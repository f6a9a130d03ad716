"""A round recomputed end to end over a working store: one outcome for everyone, and no outcome from missing bytes."""

import msgspec
import numpy as np
import pytest
from support.kept import Kept
from support.worlds.world import LIMITS, World, artifact

from ledger.errors import Malformed, Unavailable
from ledger.formats.artifact import Tensor
from ledger.formats.cid import CHUNK, Cid, of_file
from ledger.formats.claims import claim_of
from ledger.formats.digest import NOTHING, sha256
from ledger.formats.merkle import LEAF, leaf_hashes, root, root_of
from ledger.formats.unixfs import cid_of
from ledger.jobs.rules import Median, Rule, TrimmedMean, WeightedMean
from ledger.rounds.admission import Verdict
from ledger.rounds.facts import Place, Standpoint, base_of, binding_of_base, initial_binding, model_binding, read_model
from ledger.rounds.outcome import SHORT, Outcome, bytes_to_read, threads_for
from ledger.rounds.receipts import certified, parse
from ledger.rounds.rules import combine, mean_of

RULES = [WeightedMean(), Median(), TrimmedMean(trim=1)]
HEADER_ROOM = (CHUNK - LEAF) // 4
POINT = Standpoint(7, b"\x01" * 32, b"\x02" * 32, b"\x03" * 32)
SIZES = [1, 255, 256, 257, HEADER_ROOM, HEADER_ROOM + 1, CHUNK // 2]


def made(world: World, threads: int = 1) -> tuple[Outcome, bytes]:
    outcome = world.outcome(threads=threads, keep=(kept := Kept()))
    return outcome, kept.data


def filled(rule: Rule = RULES[0], members: int = 5, values: int = 610, order: tuple[int, ...] = ()) -> World:
    """A world with one round and an update of each member, submitted in the order given."""
    limits = msgspec.structs.replace(LIMITS, min_updates=3)
    world = World(members, rule=rule, limits=limits, tensors=(Tensor("w", (values,)),)).open_job().open_round()
    for member in order or range(members):
        change = np.random.default_rng(member).integers(-1000, 1000, values).astype("<i4")
        world.submit(member, change, weight=10 + member)
    return world


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
@pytest.mark.parametrize("values", SIZES)
def test_the_model_is_the_files_root_and_cid(rule: Rule, values: int) -> None:
    world = filled(rule, values=values)
    outcome, data = made(world)
    layout = world.layout
    changes = [np.random.default_rng(m).integers(-1000, 1000, values).astype("<i4") for m in range(5)]
    expected = world.initial + combine(rule, [10, 11, 12, 13, 14], lambda k: changes[k])
    header = layout.header(model_binding(world.place, 1, 1, root_of(world.initial)))
    assert data == header + expected.astype("<i4").tobytes()
    assert outcome.root == root_of(data[layout.header_size :])
    assert of_file(outcome.cid, layout.size) == cid_of([data])[0]
    assert outcome.verdicts == bytes(5)
    said = outcome.claimed(POINT)
    assert said[:3] == (root_of(world.initial), outcome.root, outcome.cid)
    assert said[3:] == (*POINT, NOTHING, bytes(5))
    assert outcome.claim(POINT) == claim_of(world.name, world.round.opened, said)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_threads_and_order_do_not_matter(rule: Rule) -> None:
    straight = filled(rule, values=CHUNK // 2)
    shuffled = filled(rule, values=CHUNK // 2, order=(4, 2, 0, 1, 3))
    first, data = made(straight)
    assert made(shuffled, 8)[1] == data
    outcomes = [shuffled.outcome(threads=n) for n in range(1, 9)]
    assert {outcome.claimed(POINT) for outcome in outcomes} == {first.claimed(POINT)}
    assert len({outcome.claim(POINT) for outcome in (first, *outcomes)}) == 2, "a claim has the order of the openings"
    assert {outcome.sums for outcome in outcomes} == {first.sums}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_a_witness_is_made_of_the_sums_before_the_division(rule: Rule) -> None:
    world = filled(rule, values=CHUNK // 2)
    changes = [np.random.default_rng(m).integers(-1000, 1000, CHUNK // 2).astype("<i4") for m in range(5)]
    sums = mean_of(rule, [10, 11, 12, 13, 14], lambda k: changes[k]).sums
    outcome, claim = world.outcome(), b"\x05" * 32
    assert outcome.sums == root(leaf_hashes(sums.astype("<i8").tobytes()))
    north, east = (outcome.witness(member, claim) for member in world.keys[:2])
    assert north == sha256(bytes.fromhex(world.keys[0][2:]) + claim + outcome.sums)
    assert north != east
    assert outcome.witness(world.keys[0], bytes(32)) != north


def test_a_store_may_cut_its_pieces_anywhere() -> None:
    whole, cut = filled(values=1000), filled(values=1000)
    cut.files.piece = 333
    assert made(whole)[1] == made(cut)[1]


def test_the_next_round_builds_on_the_last_model() -> None:
    world = World().open_job().honest_round()
    assert base_of(world.state, world.job, 1).round == 0
    world.open_round()
    world.submit(1, np.zeros(610, "<i4"))
    world.submit(2, np.zeros(610, "<i4"))
    base = base_of(world.state, world.job, 2)
    assert (base.round, base.root) == (1, world.state.rounds[1].aggregates[0].root)
    outcome, data = made(world)
    assert outcome.root == base.root
    binding = binding_of_base(world.place, world.state, world.job, base)
    assert binding == model_binding(world.place, 1, 1, world.job.initial_root)
    before = b"".join(read_model(world.place, world.state, world.job, base, world.files.fetch))
    assert before == data[world.layout.header_size :]


def test_a_round_without_a_model_is_skipped() -> None:
    world = World().open_job().honest_round().open_round()
    world.submit(0)
    world.publish(0)
    world.attest(1)
    world.attest(2)
    assert world.round.phase.value == "Abandoned"
    world.open_round()
    assert base_of(world.state, world.job, 3) == base_of(world.state, world.job, 2)


def test_too_few_admitted_make_no_model() -> None:
    world = World().open_job().open_round()
    world.submit(0)
    world.submit(1, weight=LIMITS.max_weight + 1)
    outcome, data = made(world)
    assert (outcome.root, outcome.cid, outcome.inputs, data) == (NOTHING, NOTHING, None, b"")
    assert outcome.verdicts == bytes([Verdict.ADMITTED, Verdict.WEIGHT])
    assert outcome.claimed(POINT)[:3] == (root_of(world.initial), NOTHING, NOTHING)
    assert outcome.sums == NOTHING
    assert "1 update was admitted, at least 2 needed" in outcome.why


def test_an_empty_round_makes_no_model() -> None:
    outcome = World().open_job().open_round().outcome()
    assert (outcome.verdicts, outcome.root) == (b"", NOTHING)


def test_one_bad_update_does_not_stop_the_others() -> None:
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member, data=b"junk" if member == 2 else None)
    outcome, _ = made(world)
    assert outcome.verdicts == bytes([0, 0, Verdict.HEADER, 0])
    assert outcome.root != NOTHING


def test_a_model_that_does_not_fit_is_not_made() -> None:
    world = World().open_job().open_round()
    huge = np.full(610, 1 << 19, "<i4")
    near = artifact(world.layout, initial_binding(), np.full(610, (1 << 31) - 5, "<i4"))
    world.job = msgspec.structs.replace(
        world.job,
        initial_model=msgspec.structs.replace(
            world.job.initial_model,
            cid=str(world.files.put(near)),
            root=root_of(near[world.layout.header_size :]).hex(),
        ),
    )
    world.submit(0, huge)
    world.submit(1, huge)
    for threads in (1, 4):
        outcome = world.outcome(threads=threads)
        assert outcome.root == NOTHING
        assert outcome.verdicts == bytes(2)
        assert "does not fit into int32" in outcome.why


def test_certified_bytes_that_are_missing_lead_to_no_outcome() -> None:
    world = World().open_job().open_round()
    for member in range(4):
        world.submit(member, stored=member != 2)
    with pytest.raises(Unavailable, match="nobody holds"):
        world.outcome()
    outcome = world.outcome([2])
    assert outcome.verdicts == bytes([0, 0, Verdict.UNAVAILABLE, 0])
    assert outcome.root != NOTHING


def test_an_update_without_a_certificate_is_not_read() -> None:
    world = World().open_job().open_round()
    sent = [world.submit(member) for member in range(3)]
    world.files.read.clear()
    world.outcome([1])
    assert sent[1].cid not in world.files.read
    assert sent[0].cid in world.files.read


def test_a_missing_base_leads_to_no_outcome() -> None:
    world = filled()
    del world.files.files[Cid.parse(world.job.initial_model.cid)]
    with pytest.raises(Unavailable):
        world.outcome()


@pytest.mark.parametrize("values", [610, CHUNK // 2])
@pytest.mark.parametrize("change", [-1, -4, -1025, 4], ids=str)
def test_a_base_that_is_not_a_model_is_malformed(values: int, change: int) -> None:
    """Members may have approved a job whose initial model is not a model: an error with a name, not a crash."""
    world = filled(values=values)
    data = world.files.files[Cid.parse(world.job.initial_model.cid)]
    cid = world.files.put(data[:change] if change < 0 else data + bytes(change))
    initial = msgspec.structs.replace(world.job.initial_model, cid=str(cid))
    world.job = msgspec.structs.replace(world.job, initial_model=initial)
    if change < 0:
        with pytest.raises(Malformed, match="truncated"):
            world.outcome()
    else:
        assert world.outcome().root != NOTHING


def test_the_receipts_file_of_an_attempt_says_which_updates_count() -> None:
    world = World().open_job().open_round()
    for member in (3, 0, 1):
        world.submit(member)
    aggregate = world.publish(0, without=[3])
    assert aggregate.verdicts == bytes([0, 0, Verdict.UNAVAILABLE])
    receipts = world.receipts([3])
    assert certified(parse(receipts), world.facts.roll) == {0, 1}
    assert sha256(receipts) != aggregate.receipts  # signed as of a later block
    outcome, claim = world.recomputed()
    assert (outcome.verdicts, claim) == (aggregate.verdicts, aggregate.claim)


def test_another_ledger_makes_another_model() -> None:
    world = filled()
    here = world.outcome()
    world.place = Place(1, world.place.contract)
    there = world.outcome()
    assert here.verdicts == bytes(5)
    assert there.verdicts == bytes([Verdict.HEADER] * 5)


def test_reading_a_model_of_another_root_is_refused() -> None:
    world = World().open_job()
    base = base_of(world.state, world.job, 1)
    wrong = type(base)(0, bytes(32), base.cid)
    with pytest.raises(Malformed, match="tensor root"):
        list(read_model(world.place, world.state, world.job, wrong, world.files.fetch))


def test_progress_counts_every_byte_read() -> None:
    world = filled()
    heard: list[int] = []
    world.outcome(progress=heard.append)
    assert sum(heard) == 5 * world.layout.size


@pytest.mark.parametrize(("values", "short"), [(610, True), (SHORT // 20 - 1000, True), (SHORT // 20, False)])
def test_one_thread_has_no_other_beside_it_where_updates_are_short(values: int, short: bool) -> None:
    facts = filled(values=values).facts
    assert (bytes_to_read(facts) <= SHORT) == short
    assert [threads_for(facts, threads) for threads in (1, 2, 8)] == [0 if short else 1, 2, 8]
