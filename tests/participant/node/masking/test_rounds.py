"""Masked rounds on a real chain, each member's node at work: what they show makes the model of the updates that nobody
saw, and nothing else is ever shown.
"""

import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from support.consortia.aggregators import service
from support.consortia.masked import cast, collect, mask_on, masks, propose_set, publish, said, segment, send
from support.consortia.synthetic import Trial
from support.consortia.trainers import drive, end_pauses, node, notes
from support.journals import entries

from ledger.config import HomeSettings, StoreSettings, save
from ledger.errors import Unavailable
from ledger.formats.digest import sha256
from ledger.formats.merkle import root_of
from ledger.formats.unixfs import cid_of
from ledger.history.state import Phase
from ledger.history.state.masking import bitmap_of
from ledger.masks.setup import SetupFile
from ledger.party.pins import set_receipts_pin, setup_pin
from ledger.rounds.masking.setups import segment_of
from participant.node.masking import segments as participant_segments
from participant.node.masking.home import MaskHome, register, registering
from participant.node.masking.masked import OwnMasks

pytestmark = pytest.mark.node
MEMBERS = 4


@pytest.fixture
def trial(found: Callable[..., Any]) -> Iterator[Trial]:
    with ExitStack() as stack:
        yield mask_on(stack.enter_context(Trial(found(MEMBERS), propose=False)))


@pytest.fixture
def updates(monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[int, np.ndarray]]:
    """What members put under masks: weight and integers, by member. No test of a real node could see it."""
    seen: dict[int, tuple[int, np.ndarray]] = {}
    mask = OwnMasks.mask

    def looked(self: OwnMasks, layout: Any, binding: Any, values: Any, weight: int) -> Any:
        seen[self._member] = weight, np.array(values)
        return mask(self, layout, binding, values, weight)

    monkeypatch.setattr(OwnMasks, "mask", looked)
    return seen


def model_of(trial: Trial, updates: dict[int, tuple[int, np.ndarray]], base: np.ndarray) -> bytes:
    """The root of the open round's model, by Python's integers."""
    whole = sum(weight for weight, _ in updates.values())
    sums = sum(weight * values.astype(object) for weight, values in updates.values())
    means = [(2 * abs(value) + whole) // (2 * whole) * (1 if value >= 0 else -1) for value in sums]
    return root_of((base + np.array(means, "<i8")).astype("<i4").tobytes())


def initial(trial: Trial) -> np.ndarray:
    connection = trial.parties[0].connection
    data = b"".join(bytes(piece) for piece in connection.fetch(trial.job.initial_cid))
    return np.frombuffer(data[trial.job.layout.header_size :], "<i4")


def nodes_of(trial: Trial, *indices: int) -> list[Any]:
    return [node(trial.parties[index], scores=False) for index in indices or range(MEMBERS)]


def home_of(trial: Trial, index: int) -> MaskHome:
    return MaskHome(trial.parties[index].member.home.folder)


def finish(trial: Trial, *nodes: Any) -> None:
    publish(trial)
    drive(*nodes)
    assert trial.round.phase is Phase.FINALISED


def test_a_round_of_all(trial: Trial, updates: dict[int, tuple[int, np.ndarray]]) -> None:
    nodes = nodes_of(trial)
    cast(trial, *nodes)
    assert segment(trial).cast == frozenset(range(MEMBERS))
    collect(trial, *nodes)
    assert sorted(trial.round.updates) == list(range(MEMBERS))
    propose_set(trial)
    drive(*nodes)
    assert said(trial).set == frozenset(range(MEMBERS))
    assert sorted(said(trial).answers) == list(range(MEMBERS))
    assert not said(trial).given
    finish(trial, *nodes)
    final = trial.round.final
    assert final is not None
    assert final.root == model_of(trial, updates, initial(trial))
    for index in range(MEMBERS):
        assert not notes(trial.parties[index].member.home, "failed", "refused", "left out", "unfit")


def test_a_masked_update_that_cannot_be_read_now_is_not_lost(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes, mine = nodes_of(trial), trial.parties[1]
    cast(trial, *nodes)
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    opened = Path.open

    def unreachable(*_arguments: Any) -> None:
        raise Unavailable("the chain's node cannot be reached")

    def crowded(path: Path, *arguments: Any, **options: Any) -> Any:
        if path.suffix == ".update":
            raise OSError(24, "Too many open files")
        return opened(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(mine.sender, "send", unreachable)
        drive(*nodes)
        assert [path.suffix for path in (mine.member.home.folder / "openings").iterdir() if path.suffix == ".update"]
        patch.setattr(Path, "open", crowded)
        end_pauses(*nodes)
        drive(*nodes)
    end_pauses(*nodes)
    drive(*nodes)
    assert sorted(trial.round.commitments) == list(range(MEMBERS))
    assert not notes(mine.member.home, "unfit", "lost")


def test_the_round_key_of_a_member_that_brought_nothing_is_rebuilt(
    trial: Trial, updates: dict[int, tuple[int, np.ndarray]]
) -> None:
    cast(trial, *nodes_of(trial))
    nodes = nodes_of(trial, 0, 1, 2)
    collect(trial, *nodes)
    propose_set(trial)
    drive(*nodes)
    assert said(trial).set == frozenset({0, 1, 2})
    assert {frozenset(answer.shares) for answer in said(trial).answers.values()} == {frozenset({3})}
    finish(trial, *nodes)
    assert sorted(updates) == [0, 1, 2]
    assert trial.round.final.root == model_of(trial, updates, initial(trial))


def test_the_self_seed_of_a_member_that_is_silent_is_rebuilt_and_no_other_secret_of_it(
    trial: Trial, updates: dict[int, tuple[int, np.ndarray]]
) -> None:
    everyone, others = nodes_of(trial), nodes_of(trial, 0, 1, 2)
    cast(trial, *everyone)
    collect(trial, *everyone)
    propose_set(trial)
    drive(*others)
    assert said(trial).silent == {3}
    assert not any(answer.shares for answer in said(trial).answers.values())
    trial.until(said(trial).unmask_deadline + 1)
    drive(*others)
    given = said(trial).given
    assert sorted(given) == [0, 1, 2]
    assert {tuple(one.shares) for one in given.values()} == {(3,)}
    finish(trial, *others)
    assert trial.round.final.root == model_of(trial, updates, initial(trial))
    late = nodes_of(trial, 3)
    drive(*late)
    assert 3 not in said(trial).answers, "its self seed is known; nothing is shown of a round that has ended"


def test_a_member_that_lost_its_masks_sits_the_segment_out_and_says_so(trial: Trial) -> None:
    everyone = nodes_of(trial)
    cast(trial, *everyone)
    (folder := home_of(trial, 3).vault.folder).rename(folder.with_name("lost"))
    nodes = nodes_of(trial)
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    drive(*nodes)
    assert sorted(trial.round.commitments) == [0, 1, 2]
    (note,) = notes(trial.parties[3].member.home, "failed")
    assert "does not have the secrets of round 1" in note["text"]
    assert not (folder / "segments").exists(), "nothing is made up"
    keys = [one for one in trial.parties[0].connection.refresh().mask_keys if one.index == 3]
    assert len(keys) == 2, "a new mask key, for the next segment"


def test_a_cast_that_leaves_a_member_out_is_not_agreed_with(trial: Trial) -> None:
    nodes = nodes_of(trial)
    cast(trial, *nodes, members=[0, 1, 2])
    assert segment(trial).cast is None
    assert sorted(segment(trial).proposals[-1].agreeing) == [0]
    for index in (1, 2, 3):
        (note,) = notes(trial.parties[index].member.home, "refused")
        assert "the cast of segment 1 is not agreed with: this member comes to it with member 3" in note["text"]


def publish_setup(trial: Trial, digest: bytes) -> None:
    """Member 3 says where its set-up file is."""
    deadline = segment(trial).deadline
    trial.parties[3].sender.send("masks", "setUp", trial.number, 1, deadline, digest)


def setup_of(trial: Trial) -> bytes:
    """The set-up file of member 3, which serves it to nobody."""
    connection = trial.parties[3].connection
    opened = segment(trial)
    dealt = segment_of(connection.place, trial.number, masks(trial), opened)
    return home_of(trial, 3).secrets.deal(dealt, 3)


def shown_to(trial: Trial, index: int, data: bytes) -> None:
    trial.parties[index].connection.put([data], setup_pin(trial.number, 1, 3))


@pytest.mark.parametrize("members", [[0, 1, 2], [0, 1, 2, 3]])
def test_a_dealer_that_shows_its_file_to_some_too_late_stops_nobody(trial: Trial, members: list[int]) -> None:
    """Member 3 waits for the end of the time to set up, and shows its file to member 1 alone: all agree with whatever
    is proposed then, with what they have of each other where that is needed.
    """
    nodes = nodes_of(trial, 0, 1, 2)
    drive(*nodes_of(trial))
    send(trial, "openSegment", 1)
    data = setup_of(trial)
    publish_setup(trial, cid_of([data])[0].digest)
    drive(*nodes)
    trial.until(segment(trial).deadline + 1)
    drive(*nodes)
    shown_to(trial, 1, data)
    send(trial, "proposeCast", 1, bitmap_of(members))
    drive(*nodes)
    assert segment(trial).cast == frozenset(members)
    assert not notes(trial.parties[1].member.home, "refused")


def test_a_member_goes_without_no_file_that_it_held_in_time(trial: Trial) -> None:
    """Also where its node is another process by then; who has the file gives it to the proposer."""
    nodes = nodes_of(trial, 0, 1, 2)
    drive(*nodes_of(trial))
    send(trial, "openSegment", 1)
    data = setup_of(trial)
    publish_setup(trial, cid_of([data])[0].digest)
    shown_to(trial, 1, data)
    drive(*nodes)
    trial.until(segment(trial).deadline + 1)
    send(trial, "proposeCast", 1, bitmap_of([0, 1, 2]))
    drive(*nodes_of(trial, 0, 1, 2))
    assert segment(trial).cast is None
    (note,) = notes(trial.parties[1].member.home, "refused")
    assert "this member comes to it with member 3" in note["text"]
    held = home_of(trial, 1).vault.folder / "held"
    assert len(list(held.iterdir())) == 1
    trial.until(segment(trial).proposals[-1].deadline + 1)
    trial.parties[1].sender.send("masks", "proposeCast", trial.number, 1, bitmap_of(range(MEMBERS)))
    drive(*nodes)
    assert segment(trial).cast == frozenset(range(MEMBERS))
    trial.pass_time(1)
    drive(*nodes)
    assert not list(held.iterdir()), "what came in time says nothing of a segment that has its cast"


def test_a_cast_before_the_time_to_set_up_is_over_has_everyone(trial: Trial) -> None:
    nodes = nodes_of(trial)
    drive(*nodes)
    send(trial, "openSegment", 1)
    drive(*nodes_of(trial, 0, 1, 2))
    send(trial, "proposeCast", 1, bitmap_of([0, 1, 2]))
    drive(*nodes)
    assert segment(trial).cast is None, "member 3 has time"
    assert sorted(segment(trial).setups) == list(range(MEMBERS)), "and sets up in it"
    trial.until(segment(trial).proposals[-1].deadline + 1)
    trial.parties[1].sender.send("masks", "proposeCast", trial.number, 1, bitmap_of(range(MEMBERS)))
    drive(*nodes)
    assert segment(trial).cast == frozenset(range(MEMBERS))


def test_a_cast_of_members_that_did_not_set_up_yet_is_not_agreed_with(trial: Trial) -> None:
    """It is proposed with the whole roster at once; member 3 never sets up, and nobody could take off a mask."""
    drive(*nodes_of(trial))
    send(trial, "openSegment", 1)
    send(trial, "proposeCast", 1, bitmap_of(range(MEMBERS)))
    drive(*nodes_of(trial, 0, 1, 2))
    assert segment(trial).cast is None
    assert sorted(segment(trial).proposals[-1].agreeing) == [0], "its proposer alone"
    trial.until(segment(trial).proposals[-1].deadline + 1)
    trial.parties[1].sender.send("masks", "proposeCast", trial.number, 1, bitmap_of(range(3)))
    drive(*nodes_of(trial, 0, 1, 2))
    assert segment(trial).cast == {0, 1, 2}, "once the time to set up is over, the others go on"


def test_aggregators_go_on_as_soon_as_all_have_set_up(trial: Trial) -> None:
    nodes = nodes_of(trial)
    drive(*nodes)
    aggregators = [service(trial.parties[index]) for index in (0, 1)]
    drive(*aggregators, *nodes)
    opened = segment(trial)
    assert opened.cast == frozenset(range(MEMBERS))
    assert len(opened.proposals) == 1
    assert trial.consortium.client.latest().time < opened.deadline


def test_no_cast_is_proposed_early_over_bytes_that_make_no_file(trial: Trial) -> None:
    """Its dealer would show it to aggregators alone: members would wait for it, and the proposal would lapse."""
    nodes, long = nodes_of(trial, 0, 1, 2), b"longer than any" * (1 << 14)
    drive(*nodes_of(trial))
    send(trial, "openSegment", 1)
    shown_to(trial, 3, long)
    publish_setup(trial, cid_of([long])[0].digest)
    aggregators = [service(trial.parties[index]) for index in (0, 1)]
    drive(*nodes, *aggregators)
    assert len(segment(trial).setups) == MEMBERS
    assert not segment(trial).proposals
    trial.until(segment(trial).deadline + 1)
    drive(*nodes, *aggregators)
    assert segment(trial).cast == {0, 1, 2}


def test_a_member_whose_file_nobody_serves_is_in_no_cast(trial: Trial) -> None:
    nodes = nodes_of(trial)
    drive(*nodes)
    send(trial, "openSegment", 1)
    drive(*nodes_of(trial, 0, 1, 2))
    publish_setup(trial, b"\x02" * 32)
    trial.until(segment(trial).deadline + 1)
    send(trial, "proposeCast", 1, bitmap_of([0, 1, 2, 3]))
    drive(*nodes)
    assert segment(trial).cast is None
    trial.until(segment(trial).proposals[-1].deadline + 1)
    trial.parties[1].sender.send("masks", "proposeCast", trial.number, 1, bitmap_of([0, 1, 2]))
    drive(*nodes)
    assert segment(trial).cast == frozenset({0, 1, 2})


def test_a_set_that_does_not_follow_from_its_receipts_is_neither_agreed_with_nor_answered(trial: Trial) -> None:
    nodes = nodes_of(trial)
    cast(trial, *nodes)
    collect(trial, *nodes)
    propose_set(trial, members=[0, 1, 2])
    drive(*nodes)
    assert said(trial).set is None
    assert sorted(said(trial).proposals[-1].agreeing) == [0]
    for index in (1, 2, 3):
        (note,) = notes(trial.parties[index].member.home, "refused")
        assert note["text"] == "job 1: the set of round 1 is not agreed with: this member comes to it with member 3"
        assert (
            MaskHome(trial.parties[index].member.home.folder).answers.answered_for(trial.parties[0].facts.name) is None
        )


def test_nothing_is_shown_for_a_set_that_a_dishonest_majority_fixed(trial: Trial) -> None:
    nodes = nodes_of(trial)
    cast(trial, *nodes)
    collect(trial, *nodes)
    propose_set(trial, members=[0, 1, 2])
    for index in (1, 3):
        trial.parties[index].sender.send("masks", "agreeSet", trial.number, 1, bitmap_of([0, 1, 2]))
    assert said(trial).set == frozenset({0, 1, 2})
    drive(*nodes)
    assert not said(trial).answers
    assert notes(trial.parties[2].member.home, "refused")[-1]["text"].startswith("job 1: nothing is shown for the set")


def test_a_set_under_other_receipts_after_the_first_lapsed_is_agreed_with(trial: Trial) -> None:
    """Nothing was shown for the first one."""
    nodes = nodes_of(trial)
    cast(trial, *nodes)
    collect(trial, *nodes)
    propose_set(trial)
    trial.until(said(trial).proposals[-1].deadline + 1)
    receipts_of = trial.receipts([3])
    party = trial.parties[1]
    party.connection.put([receipts_of], set_receipts_pin(trial.number, 1, sha256(receipts_of)))
    party.sender.send("masks", "proposeSet", trial.number, 1, bitmap_of([0, 1, 2]), sha256(receipts_of))
    drive(*nodes)
    assert said(trial).set == frozenset({0, 1, 2})
    assert sorted(said(trial).answers) == [0, 1, 2]


def test_secrets_of_a_round_that_is_over_are_deleted(trial: Trial) -> None:
    nodes = nodes_of(trial)
    cast(trial, *nodes)
    collect(trial, *nodes)
    propose_set(trial)
    drive(*nodes)
    finish(trial, *nodes)
    drive(*nodes)
    for index in range(MEMBERS):
        (path,) = (home_of(trial, index).vault.folder / "segments").glob("*.secrets")
        data = path.read_bytes()
        assert data[:64] == bytes(64)
        assert bytes(64) != data[64:128]
        kept = {one.suffix for one in (home_of(trial, index).vault.folder / "rounds").iterdir()}
        assert kept == {".pad", ".set"}, "what was answered is gone, and for which set is not"


def everything_written(folder: Path) -> Iterator[bytes]:
    """What a node writes and others read or serve, but for the folder of masks and the outbox."""
    for path in folder.rglob("*"):
        if path.is_file() and not {"masks", "outbox"} & set(path.relative_to(folder).parts):
            yield path.read_bytes()


def test_no_secret_is_outside_of_the_folder_of_masks_and_the_set_up_files_shares(trial: Trial) -> None:
    """Round 2 of the segment was never answered for: none of its secrets is anywhere else, in bytes or digits."""
    nodes = nodes_of(trial)
    cast(trial, *nodes)
    collect(trial, *nodes)
    propose_set(trial)
    drive(*nodes)
    finish(trial, *nodes)
    found = masks(trial)
    assert found.segments[1].cast
    for index in range(MEMBERS):
        folder = trial.parties[index].member.home.folder
        (path,) = (folder / "masks" / "segments").glob("*.secrets")
        data = path.read_bytes()
        hidden = [data[64:96], data[96:128], *(key.read_bytes() for key in (folder / "masks" / "keys").iterdir())]
        assert all(any(secret) for secret in hidden)
        for written in everything_written(folder):
            for secret in hidden:
                assert secret not in written
                assert secret.hex().encode() not in written
        assert {stat.S_IMODE(one.stat().st_mode) for one in (folder / "masks").rglob("*")} == {0o600, 0o700}
        lines = entries(folder / "node.jsonl")
        assert {"set up", "unmasked"} <= {line["action"] for line in lines}


class Garbage(OwnMasks):
    """Puts values far beyond the job's bound under its masks."""

    def mask(self, layout: Any, binding: Any, values: Any, weight: int) -> Any:
        return super().mask(layout, binding, np.full_like(values, (1 << 31) - 1), weight)


def test_a_round_with_garbage_is_void_and_its_set_opens_so_that_the_liar_is_known(trial: Trial) -> None:
    nodes = nodes_of(trial)
    nodes[3]._rounds.masks.masking_class = Garbage
    cast(trial, *nodes)
    collect(trial, *nodes)
    propose_set(trial)
    drive(*nodes)
    assert not publish(trial).root.strip(b"\x00")
    drive(*nodes)
    assert trial.round.phase is Phase.ABANDONED
    assert sorted(said(trial).shown) == list(range(MEMBERS))
    trial.pass_time(1)
    job = nodes[0]._rounds.masks.judging.job(trial.state)
    assert list(job.convicted(trial.consortium.client.latest().number)) == [3]
    collect(trial, *nodes)
    propose_set(trial)
    drive(*nodes)
    assert said(trial).set is None, "no set of later rounds has the liar"
    trial.until(said(trial).proposals[-1].deadline + 1)
    receipts = trial.receipts()
    party = trial.parties[1]
    party.connection.put([receipts], set_receipts_pin(trial.number, 2, sha256(receipts)))
    party.sender.send("masks", "proposeSet", trial.number, 2, bitmap_of([0, 1, 2]), sha256(receipts))
    drive(*nodes)
    assert sorted(said(trial).answers) == [0, 1, 2]
    assert {frozenset(answer.shares) for answer in said(trial).answers.values()} == {frozenset({3})}


def test_nobody_opens_a_round_that_has_a_model_or_no_sum(trial: Trial) -> None:
    """Round 1 has a model; of round 2 too few members answer."""
    nodes = nodes_of(trial)
    cast(trial, *nodes)
    collect(trial, *nodes)
    propose_set(trial)
    drive(*nodes)
    finish(trial, *nodes)
    collect(trial, *nodes)
    propose_set(trial)
    for index in (1, 2):
        trial.parties[index].sender.send("masks", "agreeSet", trial.number, 2, bitmap_of(range(MEMBERS)))
    drive(node(trial.parties[0], scores=False))
    assert sorted(said(trial).answers) == [0]
    trial.until(trial.round.deadline + 1000)
    drive(*nodes)
    assert trial.round.phase is Phase.ABANDONED
    assert not masks(trial).rounds[1].shown
    assert not said(trial).shown


def test_a_packet_that_does_not_open_is_left_out_and_said(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Member 3 deals packets of noise and brings nothing; of four members, three shares would be needed."""
    deal = participant_segments.deal_setup

    def noisy(dealt: Any, member: int, secrets: Any) -> SetupFile:
        made = deal(dealt, member, secrets)
        packets = {holder: bytes(len(packet)) for holder, packet in made.packets.items()}
        return SetupFile(dealt, member, made.rounds, packets if member == 3 else made.packets)

    monkeypatch.setattr(participant_segments, "deal_setup", noisy)
    cast(trial, *nodes_of(trial))
    nodes = nodes_of(trial, 0, 1, 2)
    collect(trial, *nodes)
    propose_set(trial)
    drive(*nodes)
    assert {frozenset(answer.shares) for answer in said(trial).answers.values()} == {frozenset()}
    for index in (0, 1, 2):
        (note,) = notes(trial.parties[index].member.home, "left out")
        assert note["text"] == "job 1: round 1: gives no share of member 3's: the packet does not open"


def test_shares_are_given_once_where_a_packet_yields_none(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members 2 and 3 are silent, and member 3 dealt noise: what is missing stays so, and nothing more is sent."""
    deal = participant_segments.deal_setup

    def noisy(dealt: Any, member: int, secrets: Any) -> SetupFile:
        made = deal(dealt, member, secrets)
        packets = {holder: bytes(len(packet)) for holder, packet in made.packets.items()}
        return SetupFile(dealt, member, made.rounds, packets if member == 3 else made.packets)

    monkeypatch.setattr(participant_segments, "deal_setup", noisy)
    everyone = nodes_of(trial)
    cast(trial, *everyone)
    collect(trial, *everyone)
    propose_set(trial)
    nodes = nodes_of(trial, 0, 1)
    trial.parties[2].sender.send("masks", "agreeSet", trial.number, 1, bitmap_of(range(MEMBERS)))
    drive(*nodes)
    assert said(trial).silent == {2, 3}
    trial.until(said(trial).unmask_deadline + 1)
    for _ in range(4):
        for one in nodes:
            one.look()
    assert said(trial).given.keys() == {0, 1}


def test_no_second_vector_where_the_chain_goes_back_behind_the_cast(trial: Trial) -> None:
    """The other branch has another cast: the members keep what they masked, and sit the round out."""
    rpc = trial.consortium.client.rpc
    few, everyone = nodes_of(trial, 0, 1, 2), nodes_of(trial)
    drive(*everyone)
    send(trial, "openSegment", 1)
    drive(*few)
    snapshot = rpc.call("evm_snapshot")
    drive(*everyone)
    trial.until(segment(trial).deadline + 1)
    send(trial, "proposeCast", 1, 0b1111)
    drive(*everyone)
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    drive(*everyone)
    assert sorted(trial.round.commitments) == [0, 1, 2, 3]
    pads = {index: home_of(trial, index).pads.find(trial.parties[0].facts.name) for index in range(3)}
    assert all(pads.values())
    assert rpc.call("evm_revert", snapshot)
    trial.until(segment(trial).deadline + 1)
    send(trial, "proposeCast", 1, 0b0111)
    few = nodes_of(trial, 0, 1, 2)
    drive(*few)
    assert segment(trial).cast == frozenset({0, 1, 2})
    trial.parties[0].sender.send("ledger", "openRound", trial.number)
    drive(*few)
    assert not trial.round.commitments
    for index in range(3):
        assert home_of(trial, index).pads.find(trial.parties[0].facts.name) == pads[index]
        text = notes(trial.parties[index].member.home, "failed")[-1]["text"]
        assert "an update was masked for this round already, with another cast" in text


def test_a_set_up_file_of_a_member_that_nobody_can_dial_reaches_others(found: Callable[..., Any]) -> None:
    with ExitStack() as stack:
        consortium = found(MEMBERS)
        hidden = consortium.members[3].home
        save(hidden.settings_file, HomeSettings(name="member 3", store=StoreSettings(reachable=False)))
        trial = mask_on(stack.enter_context(Trial(consortium, propose=False)))
        nodes = nodes_of(trial)
        cast(trial, *nodes)
        assert trial.parties[0].connection.refresh().members[3].gateway == ""
        assert segment(trial).cast == frozenset(range(MEMBERS))


def test_a_node_leaves_a_mask_key_to_the_command(trial: Trial) -> None:
    nodes = nodes_of(trial)
    cast(trial, *nodes)
    home, party = home_of(trial, 2), trial.parties[2]
    keys = list(party.connection.refresh().mask_keys)
    with registering(party.member.home.folder, 0) as mine:
        point = home.keys.make()
        drive(*nodes)
        assert mine and party.connection.refresh().mask_keys == keys
        register(home, party.sender, point)
    drive(*nodes)
    assert [one.key for one in party.connection.refresh().mask_keys[len(keys) :]] == [point]


def test_a_member_takes_another_mask_key_at_will(trial: Trial) -> None:
    """What was dealt to the old one is read with it; what is dealt from then on goes to the new one."""
    nodes = nodes_of(trial)
    cast(trial, *nodes)
    home = home_of(trial, 2)
    (old,) = home.keys.points()
    party = trial.parties[2]
    new = register(home, party.sender, None)
    collect(trial, *nodes_of(trial, 0, 1, 2))
    propose_set(trial)
    drive(*nodes_of(trial, 0, 1, 2))
    assert sorted(said(trial).answers[2].shares) == [3], "by the old key"
    finish(trial, *nodes)
    collect(trial, *nodes)
    propose_set(trial)
    drive(*nodes)
    assert home.keys.points() == {old, new}
    send(trial, "openSegment", 2)
    drive(*nodes)
    assert {one.key for one in segment(trial).keys if one.index == 2} == {old, new}
    finish(trial, *nodes)
    drive(*nodes)
    assert home.keys.points() == {new}, "the segment that was dealt to the old one is over"
