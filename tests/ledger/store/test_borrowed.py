"""What is borrowed for a round: in memory while there is room, else on the disk, and gone with its round."""

from pathlib import Path

import pytest
from support.content.holders import Memory

from ledger.errors import Corrupt, Unavailable
from ledger.formats.cid import Cid, raw
from ledger.store.borrowed import ROOM, SHORT, Borrowed
from ledger.store.embedded import Embedded
from ledger.store.holders import Holders

MANY = ROOM // SHORT


def full(number: int) -> list[bytes]:
    """So many blocks of a round as fill the memory."""
    return [f"{number}/{place}".encode().ljust(SHORT) for place in range(MANY)]


def take(borrowed: Borrowed, round_: int, blocks: list[bytes], job: int = 1) -> list[Cid]:
    for block in blocks:
        borrowed.take(job, round_, raw(block), block)
    return [raw(block) for block in blocks]


def on_disk(folder: Path) -> set[str]:
    return {f"{path.parent.name}/{path.name}" for path in folder.glob("*/*")}


def test_short_blocks_are_in_memory_and_long_ones_on_the_disk(tmp_path: Path) -> None:
    borrowed = Borrowed(tmp_path)
    short, long = take(borrowed, 1, [b"short", bytes(SHORT + 1)])
    assert (borrowed.holds(short), borrowed.holds(long)) == (True, False)
    assert on_disk(tmp_path) == {f"1-1/{long}"}
    assert (bytes(borrowed.get(short)), bytes(borrowed.get(long))) == (b"short", bytes(SHORT + 1))


def test_what_has_no_room_in_memory_is_on_the_disk(tmp_path: Path) -> None:
    borrowed = Borrowed(tmp_path)
    take(borrowed, 1, full(1))
    (more,) = take(borrowed, 2, [b"more"])
    assert not borrowed.holds(more)
    assert on_disk(tmp_path) == {f"1-2/{more}"}
    assert bytes(borrowed.get(more)) == b"more"


def test_what_is_in_memory_stays_until_its_round_is_over(tmp_path: Path) -> None:
    borrowed = Borrowed(tmp_path)
    first = take(borrowed, 1, full(1))
    take(borrowed, 4, full(4))
    assert all(map(borrowed.holds, first)), "no later round makes itself room"


def test_memory_is_free_again_once_a_round_is_over(tmp_path: Path) -> None:
    borrowed = Borrowed(tmp_path)
    for number in range(1, 4):
        cids = take(borrowed, number, full(number))
        take(borrowed, number, full(number)[:1])
        assert all(map(borrowed.holds, cids))
        borrowed.sweep(lambda path, over=f"1-{number}": path.name == over)
        assert not any(map(borrowed.holds, cids))
    assert not on_disk(tmp_path)


def test_another_process_sees_the_disk_alone_and_blocks_are_checked(tmp_path: Path) -> None:
    borrowed = Borrowed(tmp_path)
    short, long = take(borrowed, 1, [b"short", bytes(SHORT + 1)])
    after_a_crash = Borrowed(tmp_path)
    with pytest.raises(Unavailable):
        after_a_crash.get(short)
    assert len(after_a_crash.get(long)) == SHORT + 1
    wrong = raw(b"right")
    borrowed.take(1, 1, wrong, b"wrong")
    with pytest.raises(Corrupt):
        borrowed.get(wrong)


class LetGoOf(Borrowed):
    """One whose rounds end between the question whether a block is in memory and the reading of it."""

    def holds(self, cid: Cid) -> bool:
        held = super().holds(cid)
        self.sweep(lambda _: True)
        return held


@pytest.mark.parametrize("own", [True, False])
def test_a_block_that_is_let_go_of_while_it_is_read_is_read_from_the_next(tmp_path: Path, own: bool) -> None:
    data, borrowed = b"a block of the round", LetGoOf(tmp_path / "borrowed")
    store, other = Embedded(tmp_path / "store", create=True), Memory()
    cid = other.add(data)
    borrowed.take(1, 1, cid, data)
    if own:
        store.put([data], "own")
        other.blocks.clear()
    assert b"".join(Holders(store, (other,), near=borrowed).read(cid)) == data
    store.close()
