"""The index is a cache: after any damage to chain or file it ends as the chain is, or says that it cannot."""

import contextlib
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from ledger.errors import Unavailable
from ledger.events.records import JobOpened, MemberAdmitted
from ledger.formats.digest import sha256
from ledger.formats.member_name import name_words
from ledger.history.fold import HistoryError
from ledger.index import BlockTime, Follower, Index
from ledger.index.file import WINDOW
from ledger.index.follower import crowd
from ledger.index.pauses import DISTANT, LOCAL, WATCHED, Pauses, pauses_on
from ledger.index.sync import TOGETHER


@dataclass
class Chain:
    """A chain in memory, through the seam that `Client` has too. A block is a number, a fork's name and its events."""

    network: object
    forks: list[str]
    events: dict[tuple[int, str], int]
    requests: int = 0
    asked: list[int] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    names_blocks: bool = True
    together: bool = False

    def _hash(self, number):
        return sha256("".join(self.forks[: number + 1]).encode() + bytes([number % 256]))

    def latest(self):
        self.requests += 1
        number = len(self.forks) - 1
        return self._header(number)

    def _header(self, number):
        words = {"hash": self._hash(number), "parent": self._hash(number - 1)}
        return SimpleNamespace(number=number, **words, time=1_000 - number, proved=True)

    def block_hash(self, block):
        self.requests += 1
        return self._hash(block) if block < len(self.forks) else None

    def blocks(self, numbers):
        self.requests += 1
        self.asked += numbers
        return [None if n in self.hidden else self._header(n) for n in numbers]

    def read_blocks(self, blocks):
        if not self.names_blocks:
            return None
        self.requests += 1
        return self._piece([number for number, hash_ in blocks if hash_ == self._hash(number)], blocks[-1][0])

    def read_between(self, tip, head):
        if not self.together:
            return None
        self.requests += 1
        ends = self._hash(tip[0]) == tip[1] and self._hash(head.number) == head.hash
        return self._piece(range(tip[0] + 1, head.number + 1), head.number) if ends else None

    def read(self, first, last):
        self.requests += 1
        yield self._piece(range(first, last + 1), last)

    def _piece(self, numbers, last):
        found = [n for n in numbers if self.events.get((n, self.forks[n]))]
        words = {n: {"tx": self._hash(n), "leaf": self._hash(n)} for n in found}
        events = [JobOpened(self.events[n, self.forks[n]], 1, block=n, log=0, **words[n]) for n in found]
        return SimpleNamespace(last=last, events=events, hashes={n: self._hash(n) for n in found})

    def extend(self, fork, count, **events):
        for _ in range(count):
            self.forks.append(fork)

    def reorganise(self, to, fork, count):
        del self.forks[to + 1 :]
        self.extend(fork, count)


@pytest.fixture
def chain():
    """Blocks 0 to 20 of fork a, with job n opened in block n for each n in 2, 5, 11, 20."""
    names = ("consortium", "ledger", "scores", "releases", "ballots", "masks", "budgets", "court")
    contracts = SimpleNamespace(**{n: SimpleNamespace(address=f"0x{k:040x}") for k, n in enumerate(names)})
    network = SimpleNamespace(
        chain=SimpleNamespace(id=31337, rpc="memory"),
        founding=SimpleNamespace(block=0, hash="0x" + "ab" * 32, members=()),
        contracts=contracts,
    )
    return Chain(network, ["a"] * 21, {(n, "a"): n for n in (2, 5, 11, 20)})


@pytest.fixture(params=["file", "memory"])
def index(request, tmp_path):
    index = Index(tmp_path / "home" / "index.sqlite" if request.param == "file" else None)
    yield index
    index.close()


def jobs(changes):
    return [event.job for event in changes.added]


def test_the_first_sync_returns_all_and_the_next_what_is_new(chain, index):
    first = index.sync(chain)
    assert (jobs(first), first.rewound_to, first.tip.number) == ([2, 5, 11, 20], None, 20)
    assert jobs(index.sync(chain)) == []
    chain.extend("a", 3)
    chain.events[22, "a"] = 22
    assert jobs(index.sync(chain)) == [22]
    assert jobs(index.replay()) == [2, 5, 11, 20, 22]


def test_a_sync_with_nothing_new_is_one_request(chain, index):
    index.sync(chain)
    chain.requests = 0
    index.sync(chain)
    assert chain.requests == 1


@pytest.mark.parametrize(
    ("new", "by_hash", "requests"), [(1, True, 2), (2, True, 3), (16, True, 3), (17, True, 4), (1, False, 3)]
)
def test_new_blocks_are_few_requests(chain, index, new, by_hash, requests):
    """The head and the logs; the headers between, where there are; of many blocks also whether they are one chain."""
    index.sync(chain)
    chain.extend("a", new)
    chain.events[21, "a"], chain.names_blocks, chain.requests = 21, by_hash, 0
    assert jobs(index.sync(chain)) == [21]
    assert chain.requests == requests


@pytest.mark.parametrize(("new", "requests"), [(1, 2), (2, 2), (TOGETHER, 2), (TOGETHER + 1, 4)])
def test_headers_and_logs_of_new_blocks_are_one_request(chain, index, new, requests):
    index.sync(chain)
    chain.extend("a", new)
    chain.events[21, "a"], chain.together, chain.requests = 21, True, 0
    assert jobs(index.sync(chain)) == [21]
    assert chain.requests == requests


def test_of_blocks_without_events_the_latest_keep_their_hash(chain, tmp_path):
    """However many come at a time."""
    path = tmp_path / "index.sqlite"
    index, tips = Index(path), [20]
    index.sync(chain)
    for count in (1, 3, WINDOW - 50, 1, 60, WINDOW + 9, 2, 1):
        chain.extend("a", count)
        index.sync(chain)
        tips.append(tips[-1] + count)
    index.close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        kept = [number for (number,) in db.execute("SELECT number FROM blocks ORDER BY number")]
    assert kept == [2, 5, 11, 20, *tips[-3:]]
    assert [number > tips[-1] - WINDOW for number in tips[-4:]] == [False, True, True, True]


def test_where_they_do_not_lead_on_the_chain_is_read_as_ever(chain, index):
    chain.together = True
    index.sync(chain)
    chain.reorganise(10, "b", 12)
    changes = index.sync(chain)
    assert (changes.rewound_to, changes.tip.number) == (5, 22)


@pytest.fixture
def fresh(monkeypatch):
    """What was seen is fresh, however slow the machine."""
    monkeypatch.setattr("ledger.index.follower.FRESH", 1e6)


@pytest.mark.usefixtures("fresh")
def test_a_look_at_one_new_block_is_two_requests(chain):
    """What a wait saw is not asked for again, neither by the look nor by the clock; but by the look after that."""
    chain.events.clear()
    follower = Follower(chain, Index(None), Pauses(0, 0, 0))
    follower.refresh()
    chain.extend("a", 1)
    chain.requests = 0
    assert follower.wait(60)
    follower.refresh()
    assert follower.tip.number == 21
    assert follower.latest() is follower.head
    assert chain.requests == 2
    chain.extend("a", 1)
    follower.refresh()
    assert follower.tip.number == 22


@pytest.mark.usefixtures("fresh")
def test_a_wait_in_vain_spares_the_look_after_it_all_requests(chain):
    chain.events.clear()
    follower = Follower(chain, Index(None), Pauses(0, 0.5, 0.5))
    follower.refresh()
    chain.requests = 0
    assert not follower.wait(0.01)
    follower.refresh()
    assert chain.requests == 1


def test_one_that_only_watches_lets_more_time_pass_between_two_looks(chain):
    chain.events.clear()
    follower = Follower(chain, Index(None), Pauses(0, 0.001, 0.5))
    follower.refresh()
    follower.only_watch()
    chain.requests = 0
    began = time.monotonic()
    assert not follower.wait(0.12)
    assert chain.requests <= 1 + (time.monotonic() - began) / WATCHED
    assert DISTANT.unhurried() == DISTANT
    assert LOCAL.unhurried().longest == LOCAL.longest


def test_a_head_that_was_seen_long_ago_is_asked_for_again(chain, monkeypatch):
    chain.events.clear()
    follower = Follower(chain, Index(None), Pauses(0, 0, 0))
    follower.refresh()
    monkeypatch.setattr("ledger.index.follower.FRESH", -1)
    chain.extend("a", 1)
    assert follower.wait(60)
    chain.extend("a", 1)
    follower.refresh()
    assert follower.tip.number == follower.latest().number == 22


@pytest.mark.usefixtures("fresh")
def test_a_head_that_another_process_has_passed_is_asked_for_again(chain, tmp_path):
    chain.events.clear()
    one, two = (Follower(chain, Index(tmp_path / "index.sqlite"), Pauses(0, 0, 0)) for _ in range(2))
    one.refresh()
    chain.extend("a", 1)
    assert one.wait(60)
    chain.extend("a", 1)
    two.refresh()
    one.refresh()
    assert one.tip.number == 22


def test_pauses_grow_with_the_quiet_and_end_with_it():
    assert [LOCAL.after(quiet) for quiet in (0, 0.5, 3, 60)] == pytest.approx([0.01, 0.025, 0.15, 1])
    assert [LOCAL.after(0, cost) for cost in (0.001, 0.3, 5)] == pytest.approx([0.01, 0.3, 1])
    assert [LOCAL.after(0, members=count) for count in (4, 16, 101)] == pytest.approx([0.01, 0.04, 0.85])
    assert LOCAL.after(0, members=255) == LOCAL.longest
    assert DISTANT.after(0, members=101) == DISTANT.shortest
    assert pauses_on(31337) is LOCAL
    assert pauses_on(1) is DISTANT


@pytest.mark.parametrize(("load", "least"), [(4.0, 0.0), (1e6, 0.4)])
def test_on_a_crowded_machine_a_look_that_cost_something_is_followed_by_a_pause(chain, monkeypatch, load, least):
    """News is then seen together; where there is room it is seen at once."""
    monkeypatch.setattr("ledger.index.follower.crowd", lambda: load)
    chain.events.clear()
    follower = Follower(chain, Index(None), Pauses(0, 0, 0.5))
    follower.refresh()
    assert not follower.wait(0), "the first wait: nothing was looked at since one before"
    sum(range(100_000))
    chain.extend("a", 1)
    began = time.monotonic()
    follower.refresh()
    chain.extend("a", 1)
    assert follower.wait(60)
    assert time.monotonic() - began >= least


def test_among_many_nudges_are_gathered_from_one_look_to_the_next(chain, monkeypatch):
    """A hundred members that say something, one after another, are a hundred looks at a hundred things otherwise."""
    assert [LOCAL.crowded(count) for count in (4, 16, 101)] == pytest.approx([0, 0, 0.85])
    assert DISTANT.crowded(255) == 0
    chain.events.clear()
    follower = Follower(chain, Index(None), Pauses(0, 600, 600))
    follower.refresh()
    monkeypatch.setattr(Follower, "crowded", 0.4)
    follower.nudge()
    began = time.monotonic()
    assert follower.wait(60), "the first at once"
    for _ in range(3):
        follower.nudge()
    assert follower.wait(60)
    assert time.monotonic() - began >= 0.35
    assert not follower.wait(0), "all of them were one look"


def test_a_machine_that_does_not_tell_its_load_is_not_crowded(monkeypatch):
    monkeypatch.delattr("os.getloadavg")
    assert crowd() == 0.0


@pytest.mark.parametrize("blocks", [2, 5, 12])
def test_a_node_of_others_is_asked_no_more_often_than_once_every_quarter_of_a_second(blocks):
    """On a chain with a block every so many seconds."""
    quiet, asked = 0.0, 0
    while quiet < blocks:
        quiet, asked = quiet + DISTANT.after(quiet), asked + 1
    assert asked <= 4 * blocks


@pytest.mark.parametrize(
    ("fork", "length", "rewound_to", "kept"),
    [
        (19, 1, 11, [2, 5, 11]),  # the same height, other block
        (11, 20, 11, [2, 5, 11]),
        (10, 1, 5, [2, 5]),  # a shorter chain
        (3, 30, 2, [2]),
        (0, 1, -1, []),  # nothing left but the genesis, whose hash nobody noted
    ],
)
def test_a_reorganisation_takes_back_what_it_undid(chain, index, fork, length, rewound_to, kept):
    index.sync(chain)
    chain.reorganise(fork, "b", length)
    last = len(chain.forks) - 1
    chain.events[last, "b"] = 99
    changes = index.sync(chain)
    assert changes.rewound_to == rewound_to
    assert jobs(index.replay()) == [*kept, 99]
    assert changes.tip.number == last


def test_a_reorganisation_of_empty_blocks_takes_nothing_back(chain, index):
    chain.extend("a", 5)
    index.sync(chain)
    chain.reorganise(22, "b", 10)
    changes = index.sync(chain)
    assert (changes.added, changes.rewound_to) == ([], None)


def test_a_chain_that_moves_while_it_is_read_is_read_again(chain, index):
    chain.names_blocks = False
    read, moves = chain.read, iter(["b", "c"])

    def moving(first, last):
        pieces = list(read(first, last))
        fork = next(moves, None)
        if fork:
            chain.reorganise(4, fork, 20)
            chain.events[24, fork] = 24
        yield from pieces

    chain.read = moving
    assert jobs(index.sync(chain)) == [2, 24]


def test_logs_by_hash_are_of_their_block_though_the_chain_moves(chain, index):
    index.sync(chain)
    chain.extend("a", 1)
    chain.events[21, "a"], read = 21, chain.read_blocks

    def moving(blocks):
        found = read(blocks)
        chain.reorganise(20, "b", 1)
        return found

    chain.read_blocks = moving
    assert jobs(index.sync(chain)) == [21]
    changes = index.sync(chain)
    assert (changes.rewound_to, jobs(index.replay())) == (20, [2, 5, 11, 20])


def test_a_chain_that_never_stands_still_is_unavailable(chain, index):
    def moving(first, last):
        chain.reorganise(4, chain.forks[-1] + "x", 20)
        yield SimpleNamespace(last=last, events=[], hashes={})

    chain.read = moving
    with pytest.raises(Unavailable, match="faster than it can be read"):
        index.sync(chain)


def test_a_file_is_taken_up_again(chain, tmp_path):
    path = tmp_path / "index.sqlite"
    first = Index(path)
    first.sync(chain)
    first.close()
    chain.requests = 0
    second = Index(path)
    assert jobs(second.sync(chain)) == [2, 5, 11, 20]
    assert chain.requests == 1
    second.close()


def test_hashes_of_old_empty_blocks_are_forgotten(chain, tmp_path):
    path = tmp_path / "index.sqlite"
    index = Index(path)
    for _ in range(600):
        chain.extend("a", 1)
        index.sync(chain)
    index.close()
    with sqlite3.connect(path) as db:
        numbers = [number for (number,) in db.execute("SELECT number FROM blocks")]
    db.close()
    assert len(numbers) < 600
    assert {2, 5, 11, 20, 620} <= set(numbers)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"not a database, only text" * 400),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(b""),
        "UPDATE events SET body = zeroblob(length(body)) WHERE block = 11",
        "UPDATE events SET block = 12 WHERE block = 11",
        "DELETE FROM events WHERE block = 5",
        "DELETE FROM events WHERE block = 20",
        "DELETE FROM events",
        "UPDATE events SET digest = zeroblob(32) WHERE block = 20",
        "UPDATE state SET ledger = 'index/1 1 0xabc'",
        "DROP TABLE rewinds",
        "DELETE FROM state",
        "UPDATE state SET hash = zeroblob(32)",
    ],
)
def test_a_damaged_or_foreign_file_is_read_anew(chain, tmp_path, damage):
    path = tmp_path / "index.sqlite"
    index = Index(path)
    index.sync(chain)
    index.close()
    if callable(damage):
        damage(path)
    else:
        db = sqlite3.connect(path, isolation_level=None)
        db.execute(damage)
        db.close()
    again = Index(path)
    assert jobs(again.sync(chain)) == [2, 5, 11, 20]
    chain.reorganise(3, "b", 3)
    assert (again.sync(chain).rewound_to, jobs(again.replay())) == (2, [2])
    again.close()


def test_a_file_that_cannot_be_used_is_unavailable(chain, tmp_path):
    (tmp_path / "index.sqlite").mkdir()
    with pytest.raises(Unavailable, match="index cannot be used"):
        Index(tmp_path / "index.sqlite").sync(chain)


def test_two_share_a_file(chain, tmp_path):
    one, two = Index(tmp_path / "index.sqlite"), Index(tmp_path / "index.sqlite")
    one.sync(chain)
    assert jobs(two.sync(chain)) == [2, 5, 11, 20]
    chain.reorganise(7, "b", 3)
    chain.events[10, "b"] = 10
    assert (one.sync(chain).rewound_to, one.sync(chain).added) == (5, [])
    changes = two.sync(chain)  # finds the file up to date, and still says what it has lost
    assert (changes.rewound_to, jobs(changes)) == (5, [10])
    one.close()
    two.close()


def test_another_process_may_move_it_meanwhile(chain, tmp_path):
    one, two = Index(tmp_path / "index.sqlite"), Index(tmp_path / "index.sqlite")
    one.sync(chain)
    chain.extend("a", 2)
    chain.events[22, "a"] = 22
    read = chain.read_blocks

    def overtaken(blocks):
        chain.read_blocks = read
        two.sync(chain)
        return read(blocks)

    chain.read_blocks = overtaken
    assert jobs(one.sync(chain)) == [22]
    assert jobs(two.replay()) == [2, 5, 11, 20, 22]
    one.close()
    two.close()


def test_progress_ends_at_the_whole(chain, index):
    seen = []
    index.sync(chain, lambda done, total: seen.append((done, total)))
    assert seen[-1] == (21, 21)


# With the real chain.


def test_a_follower_sees_what_happens(consortium, tmp_path):
    follower = Follower(consortium.client, Index(tmp_path / "index.sqlite"))
    assert len(follower.refresh().members) == 4
    assert not follower.wait(0.1)
    job = consortium.open_job()
    assert follower.wait(60)
    assert follower.refresh().jobs[job].open
    assert follower.tip == consortium.client.head()


def test_a_nudge_ends_one_wait_the_present_or_the_next(consortium, tmp_path):
    follower = Follower(consortium.client, Index(tmp_path / "index.sqlite"), Pauses(0, 600, 600))
    follower.refresh()
    follower.nudge()
    assert follower.wait(600)
    assert not follower.wait(0.01)
    nudging = threading.Timer(0.05, follower.nudge)
    nudging.start()
    assert follower.wait(600)
    nudging.join()


def test_a_follower_survives_a_reorganisation(fresh_anvil, found, tmp_path):
    consortium = found(url=fresh_anvil.url)
    index = Index(tmp_path / "index.sqlite")
    follower = Follower(consortium.client, index)
    job = consortium.open_job()
    consortium.send(0, "ledger", "openRound", job)
    consortium.send(1, "ledger", "commitUpdate", job, 1, b"c" * 28)
    before = follower.refresh()
    assert list(before.jobs[job].rounds[1].commitments) == [1]
    height = consortium.client.latest().number

    consortium.client.rpc.call("anvil_reorg", 1, [])
    assert consortium.client.latest().number == height
    assert follower.wait(60)
    after = follower.refresh()
    assert after is not before
    assert not after.jobs[job].rounds[1].commitments

    # The party says it again: the same words, and the ledger takes them.
    consortium.send(1, "ledger", "commitUpdate", job, 1, b"c" * 28)
    assert list(follower.refresh().jobs[job].rounds[1].commitments) == [1]
    fresh = Follower(consortium.client, Index(None)).refresh()
    assert fresh.jobs == follower.refresh().jobs
    index.close()


def test_a_chain_started_anew_is_another_chain(fresh_anvil, found, tmp_path):
    """The same addresses on the same chain id, but other blocks: nothing of the old history may stay."""
    consortium = found(url=fresh_anvil.url)
    index = Index(tmp_path / "index.sqlite")
    follower = Follower(consortium.client, index)
    job = consortium.open_job()
    follower.refresh()
    consortium.client.rpc.call("anvil_reorg", 4, [])
    assert job not in follower.refresh().jobs
    assert len(follower.refresh().members) == 4
    index.close()


def test_events_that_cannot_follow_are_read_again_once(chain):
    """An honest chain admits members in order. One that does not is not believed, but not at the first sight."""
    wrong = MemberAdmitted(7, "0x" + "1" * 40, 1, 1, name_words("seven"), block=1, log=0, tx=bytes(32), leaf=bytes(32))
    reads = []
    chain.read = lambda first, last: [
        reads.append(first) or SimpleNamespace(last=last, events=[wrong], hashes={1: chain._hash(1)})
    ]
    with pytest.raises(HistoryError, match="damaged"):
        Follower(chain, Index(None)).refresh()
    assert reads == [0, 0]


def test_processes_may_open_a_new_index_at_once(consortium, tmp_path):
    code = (
        "import sys; from pathlib import Path; from ledger.config import load_network;"
        "from ledger.chain.client import Client; from ledger.index import Follower, Index;"
        "client = Client.connect(load_network(Path(sys.argv[1])));"
        "f = Follower(client, Index(Path(sys.argv[2])));"
        "print(max(len(f.refresh().members) for _ in range(30)))"
    )
    arguments = [str(consortium.members[0].home.network_file), str(tmp_path / "index.sqlite")]
    running = [
        subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    assert [process.communicate(timeout=240)[0].strip() for process in running] == ["4"] * 3


def test_the_times_of_blocks_with_events_are_learned_once_and_kept(chain, tmp_path):
    follower = Follower(chain, Index(tmp_path / "index.sqlite"))
    follower._index.sync(chain)
    follower._history.dated = 4
    assert follower.times({11}) == {11: BlockTime(1_000 - 11, True)}
    assert follower.times() == {n: BlockTime(1_000 - n, True) for n in (2, 5, 11, 20)}  # the clock runs backwards
    again = Index(tmp_path / "index.sqlite")
    again.sync(chain)
    assert (again.times(), again.untimed()) == (dict(follower.times()), [])
    assert chain.asked == [11, 20, 5, 2]


def test_times_that_another_process_learned_are_read(chain, tmp_path):
    one, other = (Follower(chain, Index(tmp_path / "index.sqlite")) for _ in range(2))
    for follower in (one, other):
        follower._index.sync(chain)
        follower._history.dated = 4
        follower.times({11})
    one.times()
    assert other.times() == one.times() and len(one.times()) == 4
    assert len(chain.asked) == 4


def test_a_block_that_the_node_does_not_show_is_asked_for_once(chain, index):
    follower = Follower(chain, index)
    index.sync(chain)
    follower._history.dated, chain.hidden = 4, {5}
    assert sorted(follower.times()) == sorted(follower.times()) == [2, 11, 20]
    assert chain.asked == [20, 11, 5, 2]


def test_the_time_of_a_block_under_another_hash_is_not_kept(chain, index):
    index.sync(chain)
    chain.reorganise(15, "b", 5)
    assert index.learn_times(chain, index.untimed()).keys() == {2, 5, 11}


def test_a_reorganisation_takes_times_back(chain, index):
    index.sync(chain)
    index.learn_times(chain, index.untimed())
    chain.reorganise(10, "b", 12)
    index.sync(chain)
    assert index.times().keys() == {2, 5}
