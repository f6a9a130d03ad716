"""A damaged copy is a notice about its holder: it names what is damaged and where, and changes no verdict."""

import pytest
from support.worlds.signing import key
from support.worlds.world import NAMES, World

from ledger.audit import damaged_copies
from ledger.audit.report import AuditVerdict, Check, Finding
from ledger.formats.cid import CHUNK, RAW, Cid, of_file
from ledger.formats.copies import BadCopy

NORTH = f"north ({key(0)})"


@pytest.fixture
def world() -> World:
    return World().open_job().honest_round()


def found(world: World, copy: BadCopy) -> Finding:
    (finding,) = damaged_copies(world.history, {1: world.job}, [copy], describe(world))
    assert (finding.check, finding.status, finding.holder) == (Check.COPIES, "notice", "gateway of east")
    assert finding.culprit is None
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
    assert finding.message.startswith(f"gateway of east holds a damaged copy of the update of {NORTH}; a good copy")
    assert (finding.job, finding.round, finding.party) == (1, 1, NORTH)
    assert (finding.tensor, finding.value, finding.chunk) == (tensor, place, value // 256)


def test_a_byte_of_the_header(world: World) -> None:
    finding = found(world, bad(update(world), 77, 5000))
    assert (finding.tensor, finding.value, finding.chunk) == ("(header)", None, None)


def test_a_block_that_could_not_be_compared_names_its_beginning() -> None:
    world = World()
    finding = found(world.open_job().honest_round(), bad(update(world), 1024 + 2048, 4096, located=False))
    assert (finding.tensor, finding.chunk, finding.value) == ("layer.weight", 2, None)
    assert "no good copy was found to compare with" in finding.message


def test_a_root_that_could_not_be_compared_names_no_place(world: World) -> None:
    finding = found(world, bad(update(world), 0, 0, located=False))
    assert (finding.tensor, finding.chunk, finding.value) == (None, None, None)
    assert finding.party == NORTH


def test_a_byte_beyond_the_file(world: World) -> None:
    finding = found(world, bad(update(world), CHUNK, CHUNK + 1))
    assert (finding.tensor, finding.chunk) == (None, None)


def test_other_files_are_called_what_they_are(world: World) -> None:
    model = of_file(world.aggregate.cid, world.layout.size)
    assert "the model that north" in found(world, bad(model, 0, 9)).message
    assert "the initial model" in found(world, bad(world.job.initial_cid, 0, 9)).message
    assert found(world, bad(world.job.initial_cid, 0, 9)).round == 0
    assert "the job's document" in found(world, bad(world.job.cid, 0, 9)).message
    assert "a file that is not a known artifact" in found(world, bad(Cid(RAW, bytes(32)), 0, 9)).message


def test_a_party_that_registers_anothers_cid_later_is_not_named() -> None:
    world = World().open_job().open_round()
    sent = world.submit(2)
    world.submit(0, data=world.files.files[sent.cid])
    finding = found(world, bad(sent.cid, 0, 9))
    assert finding.party == f"south ({key(2)})"


def test_a_notice_changes_no_verdict(world: World) -> None:
    report = world.audit()
    for finding in damaged_copies(world.history, {1: world.job}, [bad(update(world), 0, 9)], describe(world)):
        report.add(finding)
    assert report.verdict is AuditVerdict.VERIFIED
    assert report.counts() == {"notice": 1}
