"""A member's secrets at home: kept before they are used, readable by their owner alone, and never used twice."""

import os
import pickle
import stat
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.masked import Members

from ledger.errors import FedledgerError, Unavailable, UsageError
from ledger.formats.claims import RoundName
from ledger.masks.keys import point_of
from ledger.masks.reveals import check_opening, check_seed
from ledger.masks.segment import Segment
from ledger.masks.setup import SecretKind, SetupFile, read_setup
from ledger.party.masking.vault import segment_file
from ledger.store import disk
from participant.node.masking.answers import KINDS, KeptAnswer
from participant.node.masking.home import MaskHome, packed, registering
from participant.node.masking.pads import Pad

ME = 3
MEMBERS = Members([0, 1, ME, 6], rounds=3)
SEGMENT = MEMBERS.segment
ROUND = SEGMENT.name(0)
PAD = Pad(commitment="11" * 28, base="22" * 32, cast="33" * 32)


@pytest.fixture
def home(tmp_path: Path) -> MaskHome:
    return MaskHome(tmp_path)


def again(home: MaskHome) -> MaskHome:
    """The same home after a restart."""
    return MaskHome(home.vault.folder.parent)


def own_file(home: MaskHome, segment: Segment = SEGMENT) -> SetupFile:
    return read_setup(home.secrets.deal(segment, ME), segment, ME)


def everything(home: MaskHome) -> Iterator[Path]:
    return (path for path in home.vault.folder.rglob("*") if path.is_file())


def test_all_is_the_owners_alone(home: MaskHome) -> None:
    home.keys.make()
    home.secrets.deal(SEGMENT, ME)
    home.pads.keep(ROUND, PAD)
    home.answers.keep(ROUND, "unmask", 0b1001, KeptAnswer(secret="44" * 32))
    files = list(everything(home))
    assert len(files) == 6
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    folders = [home.vault.folder, *(path for path in home.vault.folder.iterdir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


@pytest.mark.parametrize("place", ["file", "folder", "masks"])
def test_what_others_can_read_is_refused_with_the_way_out(home: MaskHome, place: str) -> None:
    point = home.keys.make()
    path = home.vault.folder / "keys" / point.hex()
    opened = {"file": path, "folder": path.parent, "masks": home.vault.folder}[place]
    opened.chmod(0o755)
    with pytest.raises(Unavailable, match="open to other users") as caught:
        home.keys.find(point)
    assert f"chmod {'600' if place == 'file' else '700'} {opened}" in caught.value.advice
    assert point_of(MEMBERS.mask_keys[0]).hex() not in str(caught.value)


def test_a_link_is_not_followed(home: MaskHome, tmp_path: Path) -> None:
    point = home.keys.make()
    path = home.vault.folder / "keys" / point.hex()
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable, match="cannot read"):
        home.keys.find(point)


def test_a_mask_key_is_found_by_its_point(home: MaskHome) -> None:
    first, second = home.keys.make(), home.keys.make()
    assert again(home).keys.points() == {first, second}
    found = again(home).keys.find(first)
    assert found is not None
    assert point_of(found) == first
    assert home.keys.find(point_of(MEMBERS.mask_keys[0])) is None
    assert home.keys.delete([first]) == 1
    assert again(home).keys.points() == {second}


def test_a_damaged_key_is_no_other_key(home: MaskHome) -> None:
    point = home.keys.make()
    path = home.vault.folder / "keys" / point.hex()
    path.write_bytes(bytes(32))
    with pytest.raises(Unavailable, match="is damaged"):
        home.keys.find(point)


def test_a_restart_has_the_same_set_up_file(home: MaskHome) -> None:
    made = home.secrets.deal(SEGMENT, ME)
    assert again(home).secrets.deal(SEGMENT, ME) == made
    assert again(home).secrets.setup(SEGMENT, ME) == made
    setup = read_setup(made, SEGMENT, ME)
    for place in range(SEGMENT.rounds):
        found = again(home).secrets_of(setup, SEGMENT.first + place)
        check_opening(setup, SEGMENT.first + place, found.key)
        check_seed(setup, SEGMENT.first + place, found.seed)


def test_secrets_that_were_kept_before_a_crash_are_those_of_the_file(
    home: MaskHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the secrets and the file: the file is made of the secrets that are there."""

    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("participant.node.masking.segments.deal_setup", killed)
        with pytest.raises(KeyboardInterrupt):
            home.secrets.deal(SEGMENT, ME)
    (kept,) = home.secrets.of(SEGMENT, ME, SEGMENT.first)
    check_opening(own_file(again(home)), SEGMENT.first, kept.key)


def test_two_processes_come_to_one_set_up_file(home: MaskHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one is faster at every step."""
    other, write = again(home), home.vault.write

    def slow(name: str, data: bytes) -> None:
        other.secrets.deal(SEGMENT, ME)
        write(name, data)

    monkeypatch.setattr(home.vault, "write", slow)
    assert home.secrets.deal(SEGMENT, ME) == other.secrets.deal(SEGMENT, ME)


def test_a_segment_that_is_opened_again_has_secrets_of_its_own(home: MaskHome) -> None:
    keys = {member: key for member, key in SEGMENT.keys.items() if member != 6}
    smaller = Segment(SEGMENT.chain, SEGMENT.ledger, SEGMENT.job, SEGMENT.number, SEGMENT.rounds, 3, keys)
    points = [{one.point for one in own_file(home, segment).rounds} for segment in (SEGMENT, smaller)]
    assert not points[0] & points[1]
    home.secrets.delete_others(smaller, ME)
    assert home.secrets.setup(SEGMENT, ME) is None
    assert home.secrets.of(SEGMENT, ME, SEGMENT.first) == []
    assert home.secrets.setup(smaller, ME) is not None


def test_deleting_other_openings_leaves_other_segments_and_ledgers_alone(home: MaskHome) -> None:
    others = [Members(SEGMENT.keys, number=2).segment, Members(SEGMENT.keys, rounds=11, number=1).segment]
    elsewhere = Segment(1, SEGMENT.ledger, SEGMENT.job, SEGMENT.number, SEGMENT.rounds, 3, SEGMENT.keys)
    for segment in (SEGMENT, others[0], elsewhere):
        home.secrets.deal(segment, ME)
    home.secrets.delete_others(SEGMENT, ME)
    for segment in (SEGMENT, others[0], elsewhere):
        assert home.secrets.setup(segment, ME) is not None


def test_the_secrets_of_a_round_that_is_over_are_gone_and_no_others(home: MaskHome) -> None:
    setup = own_file(home)
    gone, left = SEGMENT.first, SEGMENT.first + 1
    secrets = home.secrets_of(setup, gone)
    assert home.secrets.delete(SEGMENT, ME, gone)
    assert not again(home).secrets.delete(SEGMENT, ME, gone)
    with pytest.raises(UsageError, match="does not have the secrets of round 1"):
        again(home).secrets_of(setup, gone)
    again(home).secrets_of(setup, left)
    for path in everything(home):
        assert secrets.seed.reveal() not in path.read_bytes()
        assert secrets.key.reveal() not in path.read_bytes()


def test_each_opening_of_a_segment_with_groups_has_keys_of_its_own(home: MaskHome) -> None:
    """Those of an opening that came to nothing were shown: whoever knows them could choose its own by them."""
    first, second = bytes([1]) * 32, bytes([2]) * 32
    files = [read_setup(again(home).secrets.deal(SEGMENT, ME, tx), SEGMENT, ME) for tx in (first, second, first)]
    assert files[0].encode() == files[2].encode()
    points = [{one.point for one in file.rounds} for file in files[:2]]
    assert not points[0] & points[1]
    keys = [home.secrets_of(file, SEGMENT.first).key for file in files[:2]]
    assert keys[0] != keys[1]
    assert home.secrets.delete(SEGMENT, ME, SEGMENT.first)
    for file in files:
        with pytest.raises(UsageError, match="does not have the secrets of round 1"):
            home.secrets_of(file, SEGMENT.first)


def test_what_was_answered_goes_and_for_which_set_stays(home: MaskHome) -> None:
    """An answer may never have been sent; and no other set is answered for, whatever becomes of the chain."""
    for kind in KINDS:
        home.answers.keep(ROUND, kind, 0b1001, KeptAnswer(secret="44" * 32))
    home.answers.forget(ROUND)
    home.answers.forget(ROUND)
    assert [again(home).answers.find(ROUND, kind) for kind in KINDS] == [None, None, None]
    assert again(home).answers.answered_for(ROUND) == 0b1001
    with pytest.raises(UsageError, match="another set of this round"):
        again(home).answers.keep(ROUND, "unmask", 0b1011, KeptAnswer(secret="55" * 32))
    assert again(home).answers.find(ROUND, "unmask") is None


def opened(setups: dict[int, bytes], tx: bytes = b"\x01" * 32) -> Any:
    """A segment that is set up until second 100, with these files, by CID digest."""
    said = {member: SimpleNamespace(cid=cid * 32) for member, cid in setups.items()}
    return SimpleNamespace(setups=said, tx=tx, deadline=100)


def test_a_home_that_was_in_no_round_has_nothing_to_forget(home: MaskHome) -> None:
    home.secrets.deal(SEGMENT, ME)
    home.answers.forget(ROUND)
    assert not (home.vault.folder / "rounds").exists()


def test_whose_file_came_in_time_is_known_after_a_restart(home: MaskHome) -> None:
    both = opened({0: b"a", 6: b"b"})
    home.held.note(SEGMENT, both, [0], 99, 100)
    home.held.note(SEGMENT, both, [0, 6], 100, 100)
    home.held.note(SEGMENT, opened({0: b"a", 1: b"c", 6: b"b"}), [0, 1, 6], 101, 100)
    assert home.held.members(SEGMENT, both) == again(home).held.members(SEGMENT, both) == {0, 6}
    other_file = opened({0: b"x", 6: b"b"})
    assert again(home).held.members(SEGMENT, other_file) == {6}, "on a fork it published another"
    other_opening = opened({0: b"a", 6: b"b"}, tx=b"\x02" * 32)
    assert again(home).held.members(SEGMENT, other_opening) == frozenset()


def test_what_came_in_time_is_forgotten_with_the_segment(home: MaskHome) -> None:
    later = Members(SEGMENT.keys, number=2).segment
    for segment in (SEGMENT, later):
        home.held.note(segment, opened({0: b"a"}), [0], 1, 100)
    home.held.delete(SEGMENT)
    assert again(home).held.members(SEGMENT, opened({0: b"a"})) == frozenset()
    assert again(home).held.members(later, opened({0: b"a"})) == {0}


def test_a_home_without_secrets_says_so(home: MaskHome) -> None:
    with pytest.raises(UsageError, match="does not have the secrets of round 1") as caught:
        home.secrets_of(MEMBERS.setups[ME], SEGMENT.first)
    assert "takes part in the next segment" in caught.value.advice
    home.secrets.deal(SEGMENT, ME)  # others than those that the ledger names
    with pytest.raises(UsageError, match="does not have the secrets of round 1"):
        home.secrets_of(MEMBERS.setups[ME], SEGMENT.first)


@pytest.mark.parametrize("length", [0, 63, 191, 193])
def test_torn_secrets_are_damaged_and_not_made_up(home: MaskHome, length: int) -> None:
    home.secrets.deal(SEGMENT, ME)
    path = home.vault.folder / (segment_file(SEGMENT, ME) + ".secrets")
    path.write_bytes((path.read_bytes() + bytes(1))[:length])
    with pytest.raises(Unavailable, match="is damaged"):
        home.secrets.of(SEGMENT, ME, SEGMENT.first)


def test_a_full_disk_leaves_nothing_behind(home: MaskHome, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, *_arguments: Any, **_options: Any) -> None:
        with disk.translated(path):
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(disk, "write_private", full)
        with pytest.raises(Unavailable, match="No space left"):
            home.keys.make()
    assert not home.keys.points()


def test_drafts_of_processes_that_were_killed_are_cleared(home: MaskHome) -> None:
    point = home.keys.make()
    folder = home.vault.folder / "keys"
    mine, theirs = folder / f".a.{os.getpid()}.00", folder / ".b.999999999.00"
    for draft in (mine, theirs):
        draft.write_bytes(b"secret")
    home.vault.clear_drafts()
    assert mine.exists()
    assert not theirs.exists()
    assert home.keys.points() == {point}


def test_shares_are_had_from_packets_and_bad_packets_are_left_out(home: MaskHome) -> None:
    home.vault.write(f"keys/{SEGMENT.keys[ME].hex()}", MEMBERS.mask_keys[ME].reveal())
    garbled = SetupFile(SEGMENT, 6, MEMBERS.setups[6].rounds, {**MEMBERS.setups[6].packets, ME: bytes(432)})
    files = {**MEMBERS.setups, 6: garbled}
    wanted = {1: SecretKind.KEY, 6: SecretKind.SEED}
    shares, failed = home.held_shares(files, ME, 2, wanted)
    assert list(shares) == [1]
    assert packed(shares) == b"\x01" + shares[1].reveal()
    assert [error.message for error in failed.values()] == ["the packet does not open"]


def test_a_mask_key_that_cannot_be_read_now_leaves_no_share_out(
    home: MaskHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is answered is written down once: without its shares it would stay so."""
    home.vault.write(f"keys/{SEGMENT.keys[ME].hex()}", MEMBERS.mask_keys[ME].reveal())
    opened = os.open

    def crowded(path: Any, *arguments: Any, **options: Any) -> int:
        if "keys" in str(path):
            raise OSError(24, "Too many open files")
        return opened(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", crowded)
        with pytest.raises(disk.NotRead, match="Too many open files"):
            home.held_shares(MEMBERS.setups, ME, 1, {1: SecretKind.KEY})
    assert list(home.held_shares(MEMBERS.setups, ME, 1, {1: SecretKind.KEY})[0]) == [1]


def test_without_the_mask_key_no_share_is_given(home: MaskHome) -> None:
    shares, failed = home.held_shares(MEMBERS.setups, ME, 1, {1: SecretKind.KEY})
    assert not shares
    assert "does not have the mask key" in failed[1].message


def test_a_pad_is_used_up_once_for_ever(home: MaskHome) -> None:
    assert home.pads.find(ROUND) is None
    assert home.pads.keep(ROUND, PAD) == PAD
    other = Pad(commitment="99" * 28, base=PAD.base, cast=PAD.cast)
    assert again(home).pads.keep(ROUND, other) == PAD
    assert again(home).pads.find(ROUND) == PAD
    assert home.pads.find(ROUND._replace(round=2)) is None
    assert home.pads.find(ROUND._replace(chain=1)) is None


@pytest.mark.parametrize("data", [b"", b"{", b'{"commitment": 1}', b"\xff" * 8, bytes(5000)])
def test_a_pad_that_cannot_be_read_is_not_unused(home: MaskHome, data: bytes) -> None:
    home.pads.keep(ROUND, PAD)
    (path,) = everything(home)
    path.write_bytes(data)
    with pytest.raises(Unavailable, match="is damaged"):
        home.pads.find(ROUND)
    with pytest.raises(Unavailable, match="is damaged"):
        home.pads.keep(ROUND, PAD)


def test_an_answer_is_written_down_once_and_for_one_set(home: MaskHome) -> None:
    answer = KeptAnswer(secret="44" * 32, shares="")
    assert home.answers.keep(ROUND, "unmask", 0b1011, answer) == answer
    assert again(home).answers.keep(ROUND, "unmask", 0b1011, KeptAnswer(secret="55" * 32)) == answer
    for kind in ("unmask", "shares", "open"):
        with pytest.raises(UsageError, match="another set of this round was answered for"):
            again(home).answers.keep(ROUND, kind, 0b1001, answer)
    assert again(home).answers.find(ROUND, "open") is None
    assert again(home).answers.answered_for(ROUND) == 0b1011
    assert home.answers.find(RoundName(1, ROUND.ledger, 1, 1), "unmask") is None


def test_a_set_is_bound_before_anything_is_answered(home: MaskHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in between: no other set can be answered for afterwards."""
    write = home.vault.write

    def killed(name: str, data: bytes) -> None:
        if not name.endswith(".set"):
            raise KeyboardInterrupt
        write(name, data)

    with monkeypatch.context() as patch:
        patch.setattr(home.vault, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            home.answers.keep(ROUND, "unmask", 0b1011, KeptAnswer(secret="44" * 32))
    with pytest.raises(UsageError, match="another set"):
        again(home).answers.keep(ROUND, "unmask", 0b1111, KeptAnswer(secret="44" * 32))
    assert again(home).answers.keep(ROUND, "unmask", 0b1011, KeptAnswer(secret="44" * 32)) == KeptAnswer(
        secret="44" * 32
    )


def test_no_error_and_no_text_shows_a_secret(home: MaskHome) -> None:
    secrets = home.secrets_of(own_file(home), 1)
    answer = KeptAnswer(secret=secrets.seed.reveal().hex())
    home.answers.keep(ROUND, "unmask", 1, answer)
    with pytest.raises(FedledgerError) as caught:
        home.answers.keep(ROUND, "unmask", 2, answer)
    said = f"{caught.value!r} {caught.value} {caught.value.facts} {secrets!r} {answer!r} {home.__dict__!r}"
    for secret in (secrets.seed, secrets.key):
        assert secret.reveal().hex() not in said
        assert repr(secret.reveal())[2:-1] not in said
    with pytest.raises(TypeError, match="not copied"):
        pickle.dumps(secrets.key)


def test_a_lock_that_the_disk_does_not_take_is_said_and_ends_no_node(tmp_path: Path) -> None:
    with registering(tmp_path, 0) as first, registering(tmp_path, 0) as second:
        assert (first, second) == (True, False)
    with registering(tmp_path, 0) as again:
        assert again
    (tmp_path / "mask-key.lock").unlink(missing_ok=True)
    (tmp_path / "mask-key.lock").mkdir()
    with pytest.raises(Unavailable, match="cannot write"), registering(tmp_path, 0):
        pytest.fail("it was not had")
