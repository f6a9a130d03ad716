"""What a server allows its clients: who leaves where there are too many, and who was too slow."""

from dataclasses import dataclass

import pytest

from ledger.http.clients import LEAST, Patience, crowd, longest_waiting, make_room, owner_of


@dataclass(eq=False)
class One:
    address: str
    waits: float
    busy: bool = False
    awaited: object = None
    moved: int = 0
    left: bool = False

    def leave(self) -> None:
        self.left = True


def test_who_leaves() -> None:
    many = [One("10.0.0.1", 5), One("10.0.0.1", 3, busy=True), One("10.0.0.1", 4), One("10.0.0.2", 1)]
    assert crowd(many, "10.0.0.3", places=5, share=3) == []
    assert crowd(many, "10.0.0.1", places=9, share=3) == crowd(many, "10.0.0.3", places=4, share=9) == many[:3]
    assert crowd(many, "10.0.0.2", places=9, share=1) == many[3:]
    assert longest_waiting(many[:3]) is many[2]
    assert longest_waiting(many[1:2]) is None


def test_whose_an_address_is() -> None:
    assert owner_of("2001:db8::1") == owner_of("2001:db8::ffff:2") != owner_of("2001:db8:0:1::1")
    assert owner_of("::ffff:10.0.0.1") == owner_of("10.0.0.1") != owner_of("10.0.0.2")
    assert owner_of("fe80::1%eth0") == owner_of("fe80::2")


def test_the_longest_waiting_leaves_for_the_next_and_where_all_are_busy_nobody_comes() -> None:
    idle, busy = [One("a", 2), One("a", 1)], [One("a", 3, busy=True)]
    assert make_room(idle, "b", places=2, share=2)
    assert [one.left for one in idle] == [False, True]
    assert not make_room(busy, "a", places=9, share=1)
    assert not busy[0].left


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr("ledger.http.clients.time.monotonic", lambda: now[0])
    return now


def test_a_step_has_its_time_and_drips_prolong_none(clock: list[float]) -> None:
    patience = Patience(20)
    resting, slow, fast = One("a", 0), One("a", 0, awaited="head"), One("a", 0, awaited=("head", 1))
    large = One("a", 0, awaited="response")
    everyone = [resting, slow, fast, large]
    patience.look(everyone)
    for second in (10, 20, 21, 30, 41):
        clock[0] = second
        slow.moved += 1
        large.moved += LEAST
        fast.awaited = ("head", second)
        patience.look(everyone)
        assert slow.left == (second > 20)
    assert [one.left for one in everyone] == [False, True, False, False]
