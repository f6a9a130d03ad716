"""What a home keeps of updates until they are shown: whole, private, and the same again after any crash."""

from pathlib import Path

import pytest

from ledger.errors import Unavailable
from ledger.formats.claims import OPENING, RoundName, UpdateOpening, commitment, pack_openings
from ledger.party.sharing.openings import ROUNDS_KEPT, Openings

LEDGER, PARTY = "0x5FbDB2315678afecb367f032d93F642f64180aa3", "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
ROUND = RoundName(31337, LEDGER, 1, 2)
SAID = (PARTY, 569, b"\x01" * 32, b"\x02" * 32)


def kept(home: Path, round_: RoundName = ROUND) -> tuple[Openings, UpdateOpening]:
    openings = Openings(home)
    opening = openings.salted(round_, *SAID)
    openings.keep(round_, opening, [b"bytes of ", b"an update"])
    return openings, opening


def test_the_salt_follows_from_the_update_and_the_homes_secret(tmp_path: Path) -> None:
    openings = Openings(tmp_path)
    one = openings.salted(ROUND, *SAID)
    assert one == Openings(tmp_path).salted(ROUND, *SAID), "after a restart as well"
    others = [
        openings.salted(ROUND._replace(round=3), *SAID),
        openings.salted(ROUND._replace(chain=1), *SAID),
        openings.salted(ROUND, PARTY, 570, *SAID[2:]),
        openings.salted(ROUND, *SAID[:3], b"\x03" * 32),
        Openings(tmp_path / "..").salted(ROUND, *SAID),
    ]
    (tmp_path / ".." / "secret").unlink()
    assert len({one.salt, *(other.salt for other in others)}) == 6
    assert (tmp_path / "secret").stat().st_mode & 0o77 == 0


def test_what_was_kept_is_found_and_its_bytes_are_read(tmp_path: Path) -> None:
    openings, opening = kept(tmp_path)
    assert Openings(tmp_path).find(ROUND) == [opening]
    assert b"".join(bytes(piece) for piece in openings.update(ROUND, opening)) == b"bytes of an update"
    assert openings.find(ROUND._replace(round=3)) == openings.find(ROUND._replace(job=2)) == []
    assert all(path.stat().st_mode & 0o77 == 0 for path in (tmp_path / "openings").iterdir())


def test_a_disk_that_fails_once_has_lost_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openings, opening = kept(tmp_path)

    def failing(*_arguments: object, **_options: object) -> None:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", failing)
        with pytest.raises(Unavailable, match="Too many open files"):
            openings.find(ROUND)
        patch.setattr(Path, "replace", failing)
        with pytest.raises(Unavailable, match="Too many open files"):
            openings.show(ROUND, opening)
    assert openings.find(ROUND) == [opening]
    openings.show(ROUND, opening)
    assert openings.is_shown(ROUND, opening)


def test_nothing_is_served_before_it_is_shown(tmp_path: Path) -> None:
    openings, opening = kept(tmp_path)
    assert openings.shown(1, 2) == b""
    assert not openings.is_shown(ROUND, opening)
    openings.show(ROUND, opening)
    openings.show(ROUND, opening)
    assert openings.is_shown(ROUND, opening)
    assert openings.shown(1, 2) == pack_openings([opening])
    assert openings.find(ROUND) == [opening], "a chain that went back wants the same commitment again"
    with pytest.raises(Unavailable):
        list(openings.update(ROUND, opening))


def test_a_damaged_opening_is_none(tmp_path: Path) -> None:
    openings, opening = kept(tmp_path)
    path = tmp_path / "openings" / f"1-2-{commitment(ROUND, opening).hex()}.opening"
    data = bytearray(path.read_bytes())
    for bad in (data[:-1], data + b"\0", bytes([data[0] ^ 1]) + data[1:], b""):
        path.write_bytes(bad)
        assert openings.find(ROUND) == []


def test_another_update_of_the_same_round_overwrites_nothing(tmp_path: Path) -> None:
    openings, first = kept(tmp_path)
    second = openings.salted(ROUND, PARTY, 570, *SAID[2:])
    openings.keep(ROUND, second, [b"other bytes"])
    assert sorted(openings.find(ROUND)) == sorted([first, second])
    assert b"".join(bytes(piece) for piece in openings.update(ROUND, first)) == b"bytes of an update"


def test_an_update_that_is_not_written_whole_leaves_nothing(tmp_path: Path) -> None:
    openings = Openings(tmp_path)
    opening = openings.salted(ROUND, *SAID)

    def torn():
        yield b"bytes"
        raise Unavailable("no more")

    with pytest.raises(Unavailable):
        openings.keep(ROUND, opening, torn())
    assert openings.find(ROUND) == []
    assert not list((tmp_path / "openings").iterdir())


def test_rounds_long_over_are_forgotten(tmp_path: Path) -> None:
    for number in range(1, ROUNDS_KEPT + 3):
        kept(tmp_path, ROUND._replace(round=number))
    kept(tmp_path, ROUND._replace(job=2))
    numbers = {int(path.name.split("-")[1]) for path in (tmp_path / "openings").iterdir() if path.name[0] == "1"}
    assert numbers == {3, 4, 5}


def test_openings_of_others_lie_beside_ones_own(tmp_path: Path) -> None:
    openings, own = kept(tmp_path)
    other = UpdateOpening(LEDGER, 5, b"\x05" * 32, b"\x06" * 32, b"\x07" * 16)
    assert openings.take(ROUND, other)
    assert not openings.take(ROUND, other)
    assert openings.shown(1, 2) == pack_openings([other])
    openings.show(ROUND, own)
    assert len(openings.shown(1, 2)) == 2 * OPENING


@pytest.mark.parametrize("left", [b"", b"torn"])
def test_an_opening_of_anothers_that_the_power_cut_off_is_taken_again(tmp_path: Path, left: bytes) -> None:
    """Nobody waits for the disk when it is taken: its file may be there without its bytes."""
    openings, other = Openings(tmp_path), UpdateOpening(LEDGER, 5, b"\x05" * 32, b"\x06" * 32, b"\x07" * 16)
    assert openings.take(ROUND, other)
    (path,) = (tmp_path / "openings").iterdir()
    path.write_bytes(left)
    assert openings.shown(1, 2) == b""
    assert openings.find(ROUND) == []
    assert openings.take(ROUND, other)
    assert openings.find(ROUND) == [other]


@pytest.mark.parametrize("lost", ["update", "opening"])
def test_of_an_update_and_its_opening_each_may_be_lost_alone(tmp_path: Path, lost: str) -> None:
    """Their names get to the disk together; before that nothing was committed to, and the update is kept once more."""
    openings, opening = kept(tmp_path)
    (path,) = (tmp_path / "openings").glob(f"*.{lost}")
    path.unlink()
    if lost == "update":
        with pytest.raises(Unavailable):
            list(openings.update(ROUND, opening))
    else:
        assert openings.find(ROUND) == []
    openings.keep(ROUND, opening, [b"bytes of ", b"an update"])
    assert openings.find(ROUND) == [opening]
    assert b"".join(bytes(piece) for piece in openings.update(ROUND, opening)) == b"bytes of an update"
