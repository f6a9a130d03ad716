"""What a home keeps of what members say: shared by its processes, and only what fits."""

import dataclasses
import threading
from pathlib import Path

import pytest
from support.consortia.neighbours import signer_of
from support.worlds.world import World

from ledger.errors import Unavailable
from ledger.party.sharing import haves as haves_module
from ledger.party.sharing.haves import JUNK, Haves, misfit
from ledger.rounds.receipts import ENTRY, MAX_SIZE, Roll, SignedHave, counts, held, marks


def with_another(member: int) -> Roll:
    """The same round on another branch of the chain: one member's update is another."""
    about = roll()
    return dataclasses.replace(about, opened=dict(about.opened) | {member: b"\xee" * 32})


def roll(members: int = 5) -> Roll:
    world = World(members).open_job().open_round()
    for member in range(members):
        world.submit(member)
    return world.facts.roll


def test_what_a_member_says_adds_up(tmp_path: Path) -> None:
    about, haves = roll(), Haves(tmp_path, signer_of(2))
    first = haves.say(about, [0, 1], 20)
    assert first is not None
    assert haves.say(about, [1], 21) == first
    second = haves.say(about, [3], 22)
    assert second is not None
    assert (marks(second.updates), second.block) == ([0, 1, 3], 22)
    assert haves.known(about) == (first, second)
    assert held(haves.known(about), about) == {2: 0b1011}


def test_nothing_is_said_of_what_was_not_opened_yet(tmp_path: Path) -> None:
    about, haves = roll(), Haves(tmp_path, signer_of(2))
    assert haves.say(about, [9], 20) is None
    assert haves.known(about) == ()


def test_one_that_is_not_of_the_round_says_nothing(tmp_path: Path) -> None:
    about = roll()
    assert Haves(tmp_path, signer_of(6)).say(about, [0], 20) is None
    assert Haves(tmp_path).say(about, [0], 20) is None


def test_what_does_not_fit_is_left_out(tmp_path: Path) -> None:
    about, other = roll(), with_another(3)
    one = Haves(tmp_path / "one", signer_of(2)).say(about, [0], 20)
    gone = Haves(tmp_path / "two", signer_of(1)).say(other, [0, 3], 20)
    assert one is not None
    assert gone is not None
    haves = Haves(tmp_path / "here")
    moved, more = one._replace(member=3), one._replace(updates=1 << 9)
    assert not haves.take(about, [moved, gone, more])
    assert haves.take(about, [one, moved, gone])
    assert not haves.take(about, [one])
    assert haves.known(about) == (one,)
    assert misfit(one, about) == misfit(one, other) == ""
    assert "signed" in misfit(moved, about)
    assert "signed" in misfit(gone, about)
    assert "not open" in misfit(more, about)


def test_a_file_of_junk_costs_a_few_signatures_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about, looked = roll(), list[SignedHave]()
    one = Haves(tmp_path / "one", signer_of(2)).say(about, [0], 20)
    assert one is not None
    junk = [one._replace(block=1000 + number) for number in range(10 * JUNK)]
    monkeypatch.setattr(haves_module, "counts", lambda said, about: looked.append(said) or counts(said, about))
    assert not Haves(tmp_path / "here").take(about, [*junk, one])
    assert len(looked) == JUNK
    assert Haves(tmp_path / "here").take(about, [one, *junk])


def test_a_member_that_signs_without_end_changes_the_file_so_often_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about, here = roll(), Haves(tmp_path / "here")
    monkeypatch.setattr(haves_module, "CHANGES", 3)
    earlier = [Haves(tmp_path / str(block), signer_of(2)).say(about, [0], block) for block in range(9, 0, -1)]
    taken = [here.take(about, [one]) for one in earlier if one]
    assert taken == [True] * 3 + [False] * 6
    other = Haves(tmp_path / "other", signer_of(1)).say(about, [0], 20)
    assert other is not None
    assert here.take(about, [other])


def test_threads_and_processes_lose_nothing_of_each_others(tmp_path: Path) -> None:
    about = roll()
    threads = [threading.Thread(target=Haves(tmp_path, signer_of(k)).say, args=(about, [k], 20)) for k in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.member for one in Haves(tmp_path).known(about)] == [0, 1, 2, 3, 4]


def test_what_was_said_of_another_update_is_said_again_for_the_one_that_is_open_now(tmp_path: Path) -> None:
    about, gone = roll(), with_another(1)
    home, other = Haves(tmp_path / "2", signer_of(2)), Haves(tmp_path / "x")
    first = home.say(gone, [0, 1], 20)
    assert first is not None
    assert other.take(gone, [first])
    assert (home.signed(gone), home.signed(about)) == ({0, 1}, frozenset())
    second = home.say(about, [0], 21)
    third = home.say(about, [1], 22)
    assert second is not None
    assert third is not None
    assert not other.take(about, [first])
    assert other.take(about, [third, first, second])
    assert home.known(about) == other.known(about) == (second, third)


def test_a_member_holds_what_its_messages_about_these_very_bytes_say_together(tmp_path: Path) -> None:
    about, gone = roll(), with_another(1)
    parts = [(about, [0]), (gone, [1, 3]), (about, [3, 4])]
    said = [Haves(tmp_path / str(k), signer_of(2)).say(at, here, 20 + k) for k, (at, here) in enumerate(parts)]
    assert held([one for one in said if one], about) == {2: 0b11001}
    assert held([one for one in said if one], gone) == {2: 0b11011}


def test_a_damaged_file_counts_as_none(tmp_path: Path) -> None:
    about, haves = roll(), Haves(tmp_path, signer_of(2))
    haves.say(about, [0], 20)
    (tmp_path / "1-1.receipts").write_bytes(b"damaged")
    assert haves.known(about) == ()
    assert haves.say(about, [0], 20) is not None
    assert len(haves.known(about)) == 1


def test_a_disk_that_fails_once_has_lost_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    about = roll()
    said = [Haves(tmp_path / str(member), signer_of(member)).say(about, [0], 20) for member in (1, 2)]
    haves = Haves(tmp_path / "here")
    assert haves.take(about, [said[0]])

    def failing(_path: Path) -> bytes:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", failing)
        with pytest.raises(Unavailable, match="Too many open files"):
            Haves(tmp_path / "here").take(about, [said[1]])
    assert haves.take(about, [said[1]])
    assert Haves(tmp_path / "here").known(about) == tuple(said)


def test_what_comes_is_added_to_the_file_and_served_in_order(tmp_path: Path) -> None:
    about, haves, file = roll(), Haves(tmp_path), tmp_path / "1-1.receipts"
    said = [Haves(tmp_path / str(k), signer_of(k)).say(about, [k], 20) for k in (3, 1, 2)]
    entries, places = [one.encode() for one in said if one], set[int]()
    for number, one in enumerate(said, 1):
        assert one is not None
        assert haves.take(about, [one])
        assert file.read_bytes() == b"".join(entries[:number])
        places.add(file.stat().st_ino)
    assert len(places) == 1, "no file takes another's place"
    for shown in (haves, Haves(tmp_path)):
        assert shown.file(about).file == b"".join(sorted(entries))


@pytest.mark.parametrize("left", [1, ENTRY - 1])
def test_an_entry_that_was_cut_costs_no_other(tmp_path: Path, left: int) -> None:
    about, file = roll(), tmp_path / "1-1.receipts"
    for member in (0, 1):
        Haves(tmp_path, signer_of(member)).say(about, [member], 20)
    with file.open("ab") as more:
        more.write(file.read_bytes()[:left])
    haves = Haves(tmp_path, signer_of(2))
    assert [one.member for one in haves.known(about)] == [0, 1]
    haves.say(about, [2], 20)
    assert [one.member for one in haves.known(about)] == [0, 1, 2]
    assert file.read_bytes() == haves.file(about).file, "it is written again, whole"


def test_an_entry_of_zeros_costs_no_other(tmp_path: Path) -> None:
    """Where the power failed, a file may end with zeros in place of what was added last."""
    about, file = roll(), tmp_path / "1-1.receipts"
    Haves(tmp_path, signer_of(0)).say(about, [0], 20)
    with file.open("ab") as more:
        more.write(bytes(2 * ENTRY))
    assert [one.member for one in Haves(tmp_path).known(about)] == [0]
    Haves(tmp_path, signer_of(1)).say(about, [1], 20)
    assert len(file.read_bytes()) == 2 * ENTRY, "it is written again, whole"


def test_what_does_not_count_any_more_stands_in_for_nothing(tmp_path: Path) -> None:
    """A message about an update that was another on a branch of the chain, and the same about the one that is open."""
    gone, about, file = with_another(1), roll(), tmp_path / "1-1.receipts"
    Haves(tmp_path, signer_of(2)).say(gone, [1], 20)
    with file.open("ab") as more:
        said = Haves(tmp_path / "2", signer_of(2)).say(about, [1], 30)
        assert said is not None
        more.write(said.encode())
    assert Haves(tmp_path).known(about) == (said,)
    Haves(tmp_path, signer_of(3)).say(about, [1], 30)
    assert [one.member for one in Haves(tmp_path).known(about)] == [2, 3]
    assert len(file.read_bytes()) == 2 * ENTRY, "what does not count is gone"


def test_a_file_that_is_too_long_counts_as_none(tmp_path: Path) -> None:
    about, haves, file = roll(), Haves(tmp_path, signer_of(2)), tmp_path / "1-1.receipts"
    haves.say(about, [0], 20)
    file.write_bytes(file.read_bytes() * (MAX_SIZE // ENTRY + 1))
    assert Haves(tmp_path).known(about) == ()
    haves.say(about, [0, 1], 20)
    assert len(file.read_bytes()) == ENTRY


def test_a_signature_that_another_process_kept_is_checked_once_for_a_round_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about, here, looked = roll(), Haves(tmp_path), list[int]()

    def checked() -> list[int]:
        looked.clear()
        here._read(about)
        return sorted(looked)

    monkeypatch.setattr(haves_module, "counts", lambda said, at: looked.append(said.member) or counts(said, at))
    for member in (0, 1, 2):
        Haves(tmp_path, signer_of(member)).say(about, [member], 20)
    assert (checked(), checked()) == ([0, 1, 2], [])
    Haves(tmp_path, signer_of(3)).say(about, [3], 20)
    assert (checked(), checked()) == ([3], [])
    about = with_another(1)
    assert checked() == [0, 1, 2, 3]
    assert [one.member for one in here.known(about)] == [0, 2, 3]
