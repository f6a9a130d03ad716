"""Which holder is asked, by what was measured of it: floor, deadline, order, and threads that share it."""

import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.clock import Clock
from support.content.holders import Memory

from ledger.errors import Unavailable
from ledger.formats.cid import CHUNK, Cid
from ledger.store import Buffer, Unreachable
from ledger.store.embedded import Embedded
from ledger.store.holders import Holders, Late
from ledger.store.rates import FLOOR, REQUEST, TRIAL, WINDOW, Rate

DATA = hashlib.shake_128(b"holders").digest(8 * CHUNK)


class Slow(Memory):
    """A holder that takes `seconds` for each request by a test's clock, or gives up when its time is over."""

    def __init__(self, name: str, clock: Clock, seconds: float) -> None:
        super().__init__(name)
        self.clock, self.seconds = clock, seconds

    def copy(self, cid: Cid) -> Buffer:
        self.clock.now += self.seconds
        return super().copy(cid)

    def copy_within(self, cid: Cid, seconds: float) -> Buffer:
        if seconds < self.seconds:
            self.clock.now += seconds
            self.asked.append(cid)
            raise Unreachable(f"{self.name} does not answer: no whole answer in time")
        return self.copy(cid)


@pytest.fixture
def clock() -> Clock:
    return Clock(0.0)


@pytest.fixture
def make(clock: Clock) -> Callable[..., Slow]:
    def made(name: str, seconds: float, data: bytes | None = DATA) -> Slow:
        holder = Slow(name, clock, seconds)
        if data is not None:
            holder.add(data)
        return holder

    return made


def read(holders: Holders, cid: Cid, **options: float) -> bytes:
    return b"".join(holders.read(cid, **options))  # type: ignore[arg-type]


def cid_of(data: bytes) -> Cid:
    return Memory().add(data)


def test_a_rate_is_bytes_a_second_over_a_window() -> None:
    rate = Rate()
    assert (rate.speed, rate.below_floor, str(rate)) == (float("inf"), False, "not measured yet")
    for _ in range(100):
        rate.add(1.0, CHUNK)
    assert rate.speed == CHUNK + REQUEST
    rate.add(WINDOW - 1, 0)
    assert rate.speed == pytest.approx((CHUNK + 2 * REQUEST) / WINDOW), "what is older than the window is forgotten"
    rate.add(WINDOW, None)
    assert (rate.speed, rate.below_floor) == (0, True)


def test_a_rate_is_not_judged_before_its_trial() -> None:
    rate = Rate()
    rate.add(TRIAL - 0.5, 1)
    assert rate.speed < FLOOR and not rate.below_floor
    rate.add(0.5, 1)
    assert rate.below_floor


def test_what_is_remembered_of_a_rate_is_bounded() -> None:
    rate = Rate()
    for _ in range(100_000):
        rate.add(0.001, 1)
    assert len(rate._samples) <= WINDOW / 0.2 + 1
    assert rate.speed == pytest.approx((1 + REQUEST) / 0.001, rel=0.02)


def test_the_faster_holder_is_asked_once_both_are_measured(make: Callable[..., Slow], clock: Clock) -> None:
    slow, fast = make("slow", 1.5), make("fast", 0.01)
    holders = Holders(None, [slow, fast], clock=clock)
    cid = cid_of(DATA)
    assert read(holders, cid) == DATA
    assert (len(slow.asked), len(fast.asked)) == (1, 8), "each is tried once"
    assert read(holders, cid) == DATA
    assert len(slow.asked) == 1
    assert clock.now < 2
    fast.blocks = {}
    assert read(holders, cid) == DATA, "and a slow one is better than none"


def test_what_is_known_of_a_holder_outlives_the_others(make: Callable[..., Slow], clock: Clock) -> None:
    """So that a member that announces another address again and again does not get everyone measured again."""
    slow, fast = make("slow", 1.5), make("fast", 0.01)
    holders = Holders(None, [slow, fast], clock=clock)
    read(holders, cid_of(DATA))
    holders.replace([slow, fast, make("new", 0.01, None)])
    read(holders, cid_of(DATA))
    assert len(slow.asked) == 1


def test_a_holder_below_the_floor_is_left_for_the_rest_of_the_file(make: Callable[..., Slow], clock: Clock) -> None:
    """What it served is kept: no block is read twice."""
    slow, other = make("slow", 19.9), make("other", 0.1)
    other.blocks.pop(cid_of(DATA))
    holders = Holders(None, [slow, other], clock=clock)
    assert read(holders, cid_of(DATA)) == DATA
    assert len(slow.asked) == 1
    assert len(other.asked) == 8
    assert not set(slow.asked) & set(other.asked)


def test_where_only_a_holder_below_the_floor_is_left_the_error_names_it_and_both_rates(
    make: Callable[..., Slow], clock: Clock
) -> None:
    holders = Holders(None, [make("snail", 19.9), make("empty", 0.1, None)], clock=clock)
    with pytest.raises(Unavailable) as caught:
        read(holders, cid_of(DATA))
    said = str(caught.value.facts["holders"])
    assert "snail: too slow for this file: " in said
    assert f"below the floor of {FLOOR:,}" in said
    assert " bytes a second" in said
    assert clock.now < 25, "one block, not eight"


def test_slow_refusals_are_slowness_too(make: Callable[..., Slow], clock: Clock) -> None:
    stalling, good = make("stalling", 19.0, None), make("good", 0.1)
    holders = Holders(None, [stalling, good], clock=clock)
    assert read(holders, cid_of(DATA)) == DATA
    assert read(holders, cid_of(DATA)) == DATA
    assert len(stalling.asked) == 1


def test_a_file_has_a_deadline(make: Callable[..., Slow], clock: Clock) -> None:
    holders = Holders(None, [make("slow", 1.5)], clock=clock)
    with pytest.raises(Late, match=r"slow: [\d,]+ bytes a second") as caught:
        read(holders, cid_of(DATA), deadline=5.0)
    assert clock.now == 5.0, "to the second, in the middle of a block"
    assert caught.value.facts["floor_bytes_per_second"] == FLOOR
    assert read(holders, cid_of(DATA), deadline=clock.now + 20) == DATA, "to be cut off is not to be unreachable"


def test_a_file_that_is_here_is_not_late(make: Callable[..., Slow], clock: Clock, embedded: Embedded) -> None:
    cid = embedded.put([DATA], "here")
    holders = Holders(embedded, [make("slow", 1.5)], clock=clock)
    clock.now = 10.0
    assert read(holders, cid, deadline=5.0) == DATA
    holders.keep(cid, "kept", deadline=5.0)


def test_nothing_is_left_of_a_file_that_came_too_late(
    make: Callable[..., Slow], clock: Clock, embedded: Embedded
) -> None:
    holders = Holders(embedded, [make("slow", 1.5)], clock=clock)
    with pytest.raises(Late):
        holders.keep(cid_of(DATA), "kept", deadline=5.0)
    assert embedded.pins() == {}
    holders.keep(cid_of(DATA), "kept", deadline=clock.now + 60)
    assert embedded.pins() == {"kept": cid_of(DATA)}


def test_a_holder_that_was_never_measured_takes_one_reader_at_a_time_from_the_others() -> None:
    stuck, good = Watched("stuck"), Memory("good")
    for data in (DATA, b"small"):
        stuck.add(data)
        good.add(data)
    holders = Holders(None, [good, stuck])
    with ThreadPoolExecutor(2) as pool:
        assert bytes(holders.get(cid_of(b"small"))) == b"small"
        first = pool.submit(read, holders, cid_of(DATA))
        while not stuck.busy:
            time.sleep(0.001)
        assert pool.submit(read, holders, cid_of(DATA)).result(60) == DATA
        assert not first.done()
        stuck.go.set()
        assert first.result(60) == DATA


class Watched(Memory):
    """A holder that notes how many requests it had at once, and waits in each until a test lets it go on."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.go, self.busy, self.most = threading.Event(), 0, 0

    def copy(self, cid: Cid) -> Buffer:
        self.busy += 1
        self.most = max(self.most, self.busy)
        self.go.wait(200)
        self.busy -= 1
        return super().copy(cid)


def test_threads_share_holders_one_request_at_a_time_and_the_idle_first() -> None:
    first, second = Watched("first"), Watched("second")
    files = [bytes([number]) * 1000 for number in range(8)]
    for holder in (first, second):
        for data in files:
            holder.add(data)
    holders = Holders(None, [first, second])
    with ThreadPoolExecutor(8) as pool:
        reads = [pool.submit(read, holders, cid_of(data)) for data in files]
        while not (first.asked or first.busy) or not (second.asked or second.busy):
            time.sleep(0.001)
        first.go.set()
        second.go.set()
        assert [one.result(60) for one in reads] == files
    assert (first.most, second.most) == (1, 1)
    assert sorted(first.asked + second.asked, key=str) == sorted(map(cid_of, files), key=str), "no block twice"


def test_readers_that_wait_for_a_silent_holder_do_not_each_wait_it_out() -> None:
    silent, good = Watched("silent"), Memory("good")
    silent.fails = Unreachable("silent does not answer")
    files = [bytes([number]) * 1000 for number in range(4)]
    for data in files:
        good.add(data)
    holders = Holders(None, [silent, good])
    with ThreadPoolExecutor(4) as pool:
        reads = [pool.submit(read, holders, cid_of(data)) for data in files]
        while not silent.busy:
            time.sleep(0.001)
        time.sleep(0.05)
        silent.go.set()
        assert [one.result(60) for one in reads] == files
    assert len(silent.asked) == 1
