"""A damaged copy is its holder's fault: it names what is damaged and where, and changes no answer."""

from types import SimpleNamespace
from typing import Any

import pytest
from support.worlds.signing import key
from support.worlds.world import NAMES, World, open_matters

from ledger.audit import damaged_copies
from ledger.audit.copies import StateFile
from ledger.audit.found import Found
from ledger.audit.report import Check, Open
from ledger.formats.cid import CHUNK, RAW, Cid, of_file
from ledger.formats.copies import BadCopy
from ledger.jobs.server import Adam
from ledger.party.upkeep.every_copy import state_files
from ledger.rounds.carried import decode

NORTH = f"north ({key(0)})"


@pytest.fixture
def world() -> World:
    return World().open_job().honest_round()


def found(world: World, copy: BadCopy) -> Open:
    (finding,) = damaged_copies(world.history, {1: world.job}, [copy], describe(world))
    assert (finding.check, finding.fault, finding.holder) == (Check.COPIES, "gateway of east", "gateway of east")
    assert finding.touches == ()
    assert finding.cid == str(copy.file)
    return finding


def describe(world: World):  # type: ignore[no-untyped-def]
    return lambda party: f"{NAMES[world.history.member_of(party).index]} ({party})"


def bad(file: Cid, offset: int, end: int, located: bool = True) -> BadCopy:
    return BadCopy("gateway of east", file, file, offset, end, located)


def update(world: World, member: int = 0) -> Cid:
    return of_file(world.round.updates[member].cid, world.layout.size)


@pytest.mark.parametrize(
    ("value", "tensor", "place"),
    [(0, "layer.bias", 0), (9, "layer.bias", 9), (10, "layer.weight", 0), (609, "layer.weight", 599)],
)
@pytest.mark.parametrize("byte", [0, 3])
def test_a_byte_of_an_update(world: World, value: int, tensor: str, place: int, byte: int) -> None:
    header = world.layout.header_size
    finding = found(world, bad(update(world), header + 4 * value + byte, header + 2440))
    assert finding.what == f"the copy that gateway of east holds of the update of {NORTH}"
    assert finding.why.startswith("it is damaged; a good copy")
    assert (finding.job, finding.round, finding.party) == (1, 1, NORTH)
    assert (finding.tensor, finding.value, finding.chunk) == (tensor, place, value // 256)


def test_a_byte_of_the_header(world: World) -> None:
    finding = found(world, bad(update(world), 77, 5000))
    assert (finding.tensor, finding.value, finding.chunk) == ("(header)", None, None)


def test_a_block_that_could_not_be_compared_names_its_beginning() -> None:
    world = World()
    finding = found(world.open_job().honest_round(), bad(update(world), 1024 + 2048, 4096, located=False))
    assert (finding.tensor, finding.chunk, finding.value) == ("layer.weight", 2, None)
    assert "no good copy was found to compare with" in finding.why


def test_a_root_that_could_not_be_compared_names_no_place(world: World) -> None:
    finding = found(world, bad(update(world), 0, 0, located=False))
    assert (finding.tensor, finding.chunk, finding.value) == (None, None, None)
    assert finding.party == NORTH


def test_a_byte_beyond_the_file(world: World) -> None:
    finding = found(world, bad(update(world), CHUNK, CHUNK + 1))
    assert (finding.tensor, finding.chunk) == (None, None)


def test_other_files_are_called_what_they_are(world: World) -> None:
    model = of_file(world.aggregate.cid, world.layout.size)
    assert "the model that north" in found(world, bad(model, 0, 9)).what
    assert "the initial model" in found(world, bad(world.job.initial_cid, 0, 9)).what
    assert found(world, bad(world.job.initial_cid, 0, 9)).round == 0
    assert "the job's document" in found(world, bad(world.job.cid, 0, 9)).what
    assert "a file that is not a known artifact" in found(world, bad(Cid(RAW, bytes(32)), 0, 9)).what


def test_a_party_that_commits_to_anothers_cid_later_is_not_named() -> None:
    world = World().open_job().open_round()
    sent = world.submit(2)
    world.submit(0, data=world.files.files[sent.cid])
    world.open_pending()
    finding = found(world, bad(sent.cid, 0, 9))
    assert finding.party == f"south ({key(2)})"


def test_a_damaged_copy_changes_no_answer(world: World) -> None:
    copies = damaged_copies(world.history, {1: world.job}, [bad(update(world), 0, 9)], describe(world))
    report = world.audit(found=Found(open=list(copies)))
    assert (report.right.answer, report.lies.answer) == ("yes", "none")
    assert open_matters(report) == copies


def test_damaged_copies_of_what_a_round_carries_are_named() -> None:
    world = World(server=Adam(rate="0.1", beta1="0.9", beta2="0.99", tau="0.001")).open_job().honest_round()
    final = world.round.final
    assert final is not None
    file, layout = Cid(RAW, final.carried), world.layout.wide
    stream = decode(world.files.files[file]).streams[1].file(layout.size)
    damaged = [bad(file, 0, 9), bad(stream, layout.header_size + 8 * 300, layout.size)]
    connection: Any = SimpleNamespace(history=world.history, fetch=world.files.fetch)
    states = state_files(connection, {1: world.job}, [(1, 1)])
    assert (len(states), states[stream]) == (2, StateFile(1, 1, "v"))
    first, second = damaged_copies(world.history, {1: world.job}, damaged, describe(world), states)
    assert first.what == f"the copy that gateway of east holds of what {NORTH} published beside a model"
    assert (first.round, first.tensor) == (1, None)
    assert second.what == "the copy that gateway of east holds of stream 'v' of the state"
    assert (second.round, second.tensor, second.chunk, second.value) == (1, "layer.weight", 1, 290)
