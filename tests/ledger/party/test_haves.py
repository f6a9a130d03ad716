"""What a home keeps of what members say: shared by its processes, and only what fits."""

import threading
from pathlib import Path

from support.consortia.neighbours import signer_of
from support.worlds.world import World

from ledger.party.sharing.duties import Anchor
from ledger.party.sharing.haves import AHEAD, Haves, misfit
from ledger.rounds.receipts import Roll, SignedHave, held, marks


def roll(members: int = 5) -> Roll:
    world = World(members).open_job().open_round()
    for member in range(members):
        world.submit(member)
    return world.facts.roll


def at(number: int) -> Anchor:
    return Anchor(number, number.to_bytes(32, "big"))


def test_what_a_member_says_adds_up(tmp_path: Path) -> None:
    about, haves = roll(), Haves(tmp_path, signer_of(2))
    first = haves.say(about, [0, 1], at(20))
    assert first is not None
    assert haves.say(about, [1], at(21)) == first
    second = haves.say(about, [3], at(22))
    assert second is not None
    assert (marks(second.updates), second.block) == ([0, 1, 3], 22)
    assert haves.known(about) == (first, second)
    assert held(haves.known(about), about) == {2: 0b1011}


def test_nothing_is_said_of_what_was_not_opened_yet(tmp_path: Path) -> None:
    about, haves = roll(), Haves(tmp_path, signer_of(2))
    assert haves.say(about, [0, 9], at(about.opened[0] - 1)) is None
    assert haves.say(about, [9], at(20)) is None
    assert haves.known(about) == ()


def test_one_that_is_not_of_the_round_says_nothing(tmp_path: Path) -> None:
    about = roll()
    assert Haves(tmp_path, signer_of(6)).say(about, [0], at(20)) is None
    assert Haves(tmp_path).say(about, [0], at(20)) is None


def test_what_does_not_fit_is_left_out(tmp_path: Path) -> None:
    about, other = roll(), roll(4)
    one = Haves(tmp_path / "one", signer_of(2)).say(about, [0], at(20))
    far = Haves(tmp_path / "two", signer_of(1)).say(about, [0], at(20 + AHEAD))
    assert one is not None
    assert far is not None
    haves = Haves(tmp_path / "here")
    moved = one._replace(member=3)
    assert not haves.take(about, [moved, far], at(19))
    assert haves.take(about, [one, moved, far], at(20))
    assert not haves.take(about, [one], at(20))
    assert haves.known(about) == tuple(sorted([one, far]))
    assert misfit(one, other, at(20)) == ""
    assert "signed" in misfit(moved, about, at(20))


def test_threads_and_processes_lose_nothing_of_each_others(tmp_path: Path) -> None:
    about = roll()
    threads = [threading.Thread(target=Haves(tmp_path, signer_of(k)).say, args=(about, [k], at(20))) for k in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.member for one in Haves(tmp_path).known(about)] == [0, 1, 2, 3, 4]


def test_what_was_said_on_a_branch_that_was_given_up_is_said_again(tmp_path: Path) -> None:
    about, gone = roll(), Anchor(20, b"\xee" * 32)

    def lost(one: SignedHave) -> bool:
        return one.hash == gone.hash and bool(after)

    after: list[bool] = []
    home, other = Haves(tmp_path / "2", signer_of(2), lost), Haves(tmp_path / "x", lost=lost)
    first = home.say(about, [0, 1], gone)
    assert first is not None
    assert other.take(about, [first], gone)
    assert home.signed(about) == {0, 1}
    after.append(True)
    assert home.signed(about) == frozenset()
    second = home.say(about, [0, 1], at(21))
    assert second is not None
    assert not other.take(about, [first], at(21))
    assert other.take(about, [second, first], at(21))
    assert home.known(about) == other.known(about) == (second,)


def test_a_damaged_file_counts_as_none(tmp_path: Path) -> None:
    about, haves = roll(), Haves(tmp_path, signer_of(2))
    haves.say(about, [0], at(20))
    (tmp_path / "1-1.receipts").write_bytes(b"damaged")
    assert haves.known(about) == ()
    assert haves.say(about, [0], at(20)) is not None
    assert len(haves.known(about)) == 1
