"""A home's private tensors: which file is the current one, what is lost, and what only its owner reads."""

import stat
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

torch = pytest.importorskip("torch", reason='torch is not installed: pip install "fedledger[node]"')

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from msgspec.structs import replace  # noqa: E402
from support.worlds.world import World  # noqa: E402

from ledger.errors import Malformed  # noqa: E402
from ledger.jobs.private import Private  # noqa: E402
from participant.private.file import header_of, require  # noqa: E402
from participant.private.states import LostState, PrivateStates, Registered, keeps, last_registered  # noqa: E402
from participant.private.tensors import MODEL, decode, encode  # noqa: E402

pytestmark = pytest.mark.node
PLAIN = World().job
JOB = replace(PLAIN, private=Private.of(["head.*"]))
OWN = {MODEL: {"head.bias": torch.tensor([0.5, -2.0]), "count": torch.tensor(7)}, "dyn": {"h": torch.ones(2, 3)}}
FIRST = Registered(3, 4, bytes([1]) * 32)


class Made(NamedTuple):
    digest: bytes


class Committed(NamedTuple):
    commitments: dict[int, Made]


class Rounds:
    """The rounds of a job, as far as commitments go."""

    def __init__(self, made: dict[int, dict[int, bytes]], number: int = 3) -> None:
        self.number = number
        self.rounds = {
            number: Committed({one: Made(digest) for one, digest in by.items()}) for number, by in made.items()
        }
        self.void: tuple[tuple[int, int], ...] = ()

    def was_left_out(self, number: int, at: int) -> bool:
        return any(first <= number <= last < at for first, last in self.void)


def test_what_is_kept_comes_back_as_it_was_trained(tmp_path: Path) -> None:
    states = PrivateStates(tmp_path)
    states.keep(JOB, FIRST, encode(OWN, JOB.digest, 4))
    found = decode(states.find(JOB, FIRST))
    assert found.keys() == OWN.keys()
    for section, named in OWN.items():
        for name, tensor in named.items():
            assert torch.equal(found[section][name], tensor)
            assert found[section][name].dtype == tensor.dtype
    (path,) = (tmp_path / "private" / JOB.digest.hex()).iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_current_state_is_that_of_the_last_commitment_on_the_ledger(tmp_path: Path) -> None:
    """Kept, but never on the ledger: not current. On the ledger at another's index: not this member's."""
    states, old, new = PrivateStates(tmp_path), bytes([1]) * 32, bytes([2]) * 32
    states.keep(JOB, Registered(3, 1, old), encode(OWN, JOB.digest, 1))
    states.keep(JOB, Registered(3, 2, new), encode({MODEL: {"count": torch.tensor(8)}}, JOB.digest, 2))
    before: Any = Rounds({1: {0: old, 1: b""}, 2: {1: new}, 3: {}})
    assert last_registered(before, 0, 3) == (3, 1, old)
    assert last_registered(before, 0, 1) is None
    assert int(decode(states.before(before, JOB, 0, 3))[MODEL]["count"]) == 7
    after: Any = Rounds({1: {0: old}, 2: {0: new}, 3: {}})
    assert int(decode(states.before(after, JOB, 0, 3))[MODEL]["count"]) == 8
    assert states.before(after, JOB, 0, 1) == b""
    after.void = ((2, 3),)
    assert int(decode(states.before(after, JOB, 0, 3))[MODEL]["count"]) == 8, "a round of before the rewind"
    assert int(decode(states.before(after, JOB, 0, 4))[MODEL]["count"]) == 7, (
        "what a rewind left out is not gone on from"
    )
    assert not keeps(PLAIN)
    assert states.before(after, PLAIN, 0, 3) == b""


@pytest.mark.parametrize("damage", ["gone", "cut", "flipped", "other job", "other round", "empty"])
def test_a_state_that_is_lost_or_anothers_is_named_with_the_way_out(tmp_path: Path, damage: str) -> None:
    states = PrivateStates(tmp_path)
    states.keep(JOB, FIRST, good := encode(OWN, JOB.digest, 4))
    (path,) = (tmp_path / "private" / JOB.digest.hex()).iterdir()
    bad = {
        "cut": good[:-3],
        "flipped": good[:-1] + bytes([good[-1] ^ 1]),
        "other job": encode(OWN, bytes(32), 4),
        "other round": encode(OWN, JOB.digest, 5),
        "empty": b"",
    }
    path.unlink() if damage == "gone" else path.write_bytes(bad[damage])
    with pytest.raises(LostState, match="private tensors of round 4 are lost") as caught:
        states.find(JOB, FIRST)
    assert "folder `private`" in caught.value.advice
    assert caught.value.facts["file"] == str(path)


def test_what_a_trainer_left_of_another_round_is_not_kept(tmp_path: Path) -> None:
    for data in (encode(OWN, JOB.digest, 5), encode(OWN, bytes(32), 4), b"", b"\xff" * 40):
        with pytest.raises(Malformed):
            PrivateStates(tmp_path).keep(JOB, FIRST, data)
    assert not (tmp_path / "private").exists()


def test_a_draft_of_a_killed_process_is_no_state(tmp_path: Path) -> None:
    states = PrivateStates(tmp_path)
    states.keep(JOB, FIRST, encode(OWN, JOB.digest, 4))
    folder = tmp_path / "private" / JOB.digest.hex()
    (folder / f".3-5-{'2' * 64}.safetensors.77.abcd").write_bytes(b"half")
    with pytest.raises(LostState):
        states.find(JOB, Registered(3, 5, bytes([0x22]) * 32))


def test_what_the_ledger_never_had_goes_after_a_while(tmp_path: Path) -> None:
    states, folder = PrivateStates(tmp_path), tmp_path / "private" / JOB.digest.hex()
    kept, never = bytes([1]) * 32, bytes([2]) * 32
    for number, digest in ((1, kept), (1, never), (4, never)):
        states.keep(JOB, Registered(3, number, digest), encode(OWN, JOB.digest, number))
    state: Any = Rounds({1: {0: kept}, 4: {}})
    draft = folder / f".3-1-{kept.hex()}.safetensors.77.0123abcd"
    draft.write_bytes(b"half of what a killed process wrote")
    states.sweep(JOB, state, 0, 3)
    assert len(list(folder.iterdir())) == 4, "the chain may bring a round back"
    states.sweep(JOB, state, 0, 4)
    assert {path.name.split("-")[1] for path in folder.iterdir()} == {"1", "4"}
    assert not draft.exists()
    assert states.find(JOB, Registered(3, 1, kept))
    with pytest.raises(LostState):
        states.find(JOB, Registered(3, 1, never))


def test_two_jobs_with_one_document_do_not_remove_each_others(tmp_path: Path) -> None:
    """The ledger takes the same document twice: what is on the record in one job is not in the other."""
    states, digests = PrivateStates(tmp_path), {3: bytes([1]) * 32, 5: bytes([2]) * 32}
    for number, digest in digests.items():
        states.keep(JOB, Registered(number, 1, digest), encode(OWN, JOB.digest, 1))
    for number, digest in digests.items():
        states.sweep(JOB, cast(Any, Rounds({1: {0: digest}, 7: {}}, number)), 0, 7)
    for number, digest in digests.items():
        assert states.before(cast(Any, Rounds({1: {0: digest}}, number)), JOB, 0, 7)


def test_whether_the_current_state_changed_is_seen_without_reading_it(tmp_path: Path) -> None:
    """A node asks at each look while it trains; a file may have gigabytes."""
    states, digest = PrivateStates(tmp_path), bytes([1]) * 32
    none, one = cast(Any, Rounds({1: {}})), cast(Any, Rounds({1: {0: digest}}))
    lost = states.mark(one, JOB, 0, 2)
    states.keep(JOB, Registered(3, 1, digest), encode(OWN, JOB.digest, 1))
    first = states.mark(one, JOB, 0, 2)
    assert states.mark(one, JOB, 0, 2) == first
    assert states.mark(none, JOB, 0, 2) == states.mark(one, PLAIN, 0, 2) == b""
    (path,) = (tmp_path / "private" / JOB.digest.hex()).iterdir()
    path.chmod(0)
    assert states.mark(one, JOB, 0, 2) == first
    path.chmod(0o600)
    states.keep(JOB, Registered(3, 1, digest), encode({MODEL: {"count": torch.tensor(8)}}, JOB.digest, 1))
    assert len({b"", lost, first, states.mark(one, JOB, 0, 2)}) == 4


def test_a_personal_model_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    states, state, other = PrivateStates(tmp_path), cast(Any, Rounds({})), cast(Any, Rounds({}, number=5))
    assert states.personal(state, JOB, 4, "ditto") == b""
    for value in (1, 2):
        states.keep_personal(state, JOB, 4, "ditto", encode({"personal": {"w": torch.tensor(value)}}, JOB.digest, 4))
    assert int(decode(states.personal(state, JOB, 4, "ditto"))["personal"]["w"]) == 2
    assert states.personal(state, JOB, 4, "fine_tune") == b""
    assert states.personal(other, JOB, 4, "ditto") == b"", "another job with the same document has a model of its own"


def test_a_damaged_personal_model_is_named(tmp_path: Path) -> None:
    states, state = PrivateStates(tmp_path), cast(Any, Rounds({}))
    path = states.keep_personal(state, JOB, 4, "ditto", encode({"personal": {"w": torch.tensor(1)}}, JOB.digest, 4))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Malformed) as caught:
        states.personal(state, JOB, 4, "ditto")
    assert caught.value.facts["file"] == str(path)


def test_the_same_tensors_have_one_file_in_every_process_and_safetensors_reads_it() -> None:
    from safetensors.torch import load

    assert len({encode(OWN, JOB.digest, 4) for _ in range(20)}) == 1
    assert encode({section: dict(reversed(named.items())) for section, named in OWN.items()}, JOB.digest, 4) == GOOD
    assert sorted(load(GOOD)) == ["dyn:h", "model:count", "model:head.bias"]


def test_values_that_are_not_finite_are_not_kept() -> None:
    with pytest.raises(Malformed, match="tensor 'model:w' has a value that is not a number"):
        encode({MODEL: {"w": torch.tensor([1.0, float("nan")])}}, JOB.digest, 1)
    with pytest.raises(Malformed, match="of a kind"):
        encode({MODEL: {"w": torch.zeros(2, dtype=torch.complex64)}}, JOB.digest, 1)


GOOD = encode(OWN, JOB.digest, 4)


@settings(max_examples=200)
@given(st.data())
def test_no_bytes_but_whole_ones_are_taken(data: st.DataObject) -> None:
    """Any one change is noticed, and ends in an error that has a name."""
    place = data.draw(st.integers(0, len(GOOD) - 1))
    changed = bytearray(GOOD)
    changed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(Malformed):
        require(bytes(changed), JOB.digest, 4)


def test_a_tensor_by_another_name_is_another_file() -> None:
    """Of a small head most bytes are the header's: one of them that is damaged is noticed as one of the values is."""
    assert header_of(GOOD).round == "4"
    for written, other in ((b"model:count", b"model:counu"), (b'"I64"', b'"U64"'), (b"[2,3]", b"[3,2]")):
        assert written in GOOD.replace(b", ", b",")
        with pytest.raises(Malformed, match="damaged"):
            header_of(GOOD.replace(written, other).replace(b"[2, 3]", b"[3, 2]"))
