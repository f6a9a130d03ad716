"""Memory that is used again, once nobody can see it, and never before."""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import numpy as np
import pytest

from ledger.kernel.rooms import Lease, Rooms, leaves_of


def test_no_more_rooms_than_there_are() -> None:
    rooms = Rooms(64, 2)
    first, second = rooms.take(64), rooms.take(0)
    assert first is not None
    assert second is not None
    assert (len(first), len(second), rooms.take(1)) == (64, 0, None)
    del second
    assert rooms.take(1) is not None


@pytest.mark.parametrize("view", [lambda room: room[3:9], lambda room: np.frombuffer(room, "<i4")[2:5], memoryview])
def test_a_view_of_any_kind_keeps_the_room(view: object) -> None:
    rooms = Rooms(64, 1)
    room = rooms.take(64)
    held = view(room)  # type: ignore[operator]
    del room
    assert rooms.take(64) is None
    del held
    assert rooms.take(64) is not None


def test_a_room_that_is_too_small_is_said() -> None:
    with pytest.raises(ValueError, match="64 bytes, not 65"):
        Rooms(64, 1).take(65)


def test_threads_never_share_a_room() -> None:
    rooms = Rooms(4096, 3)

    def fill(number: int) -> bool:
        room = rooms.take(4096)
        if room is None:
            return True
        data = number.to_bytes(4, "big") * 1024
        room[:] = data
        return sha256(np.frombuffer(room, np.uint8)).digest() == sha256(data).digest()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(fill, range(5000)))
    again = [rooms.take(1) for _ in range(3)]
    assert None not in again, "all rooms are back"


def test_leaf_hashes_are_of_a_whole_room_alone() -> None:
    room, asked = Rooms(64, 1).take(40), list[int]()
    assert room is not None
    lease = room.obj
    assert isinstance(lease, Lease)
    assert leaves_of(room) == b""
    lease.leaves, lease.want = b"hashes", lambda: asked.append(1)
    assert leaves_of(room) == leaves_of(room.toreadonly()) == leaves_of(room.toreadonly()[0:40]) == b"hashes"
    assert leaves_of(room[1:]) == leaves_of(room[:39]) == b""
    assert len(asked) == 5, "who reads parts asks, too"
    assert leaves_of(bytes(40)) == leaves_of(np.zeros(40, np.uint8)) == b""
