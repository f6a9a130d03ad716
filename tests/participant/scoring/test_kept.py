"""What a scorer keeps of its scores, and the salt that its key makes again."""

from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from ledger.errors import Unavailable
from ledger.keys import LocalSigner
from participant.scoring.kept import Kept, KeptScores
from participant.scoring.salt import salt_of

BOARD = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
WHERE = (31337, BOARD, 1, 2, b"\x07" * 32)


def kept(**changes: Any) -> Kept:
    fields = {"chain": 31337, "board": BOARD, "job": 1, "round": 2, "seed": "07" * 32, "scores": (5, -6)}
    return Kept(fedledger="scores/1", **(fields | changes))


def test_scores_are_found_again_for_the_same_scoring_only(tmp_path: Path) -> None:
    store = KeptScores(tmp_path / "scores")
    assert store.find(*WHERE) is None
    store.keep(kept())
    assert KeptScores(tmp_path / "scores").find(*WHERE) == (5, -6)
    for place, other in enumerate((1, "0x" + "11" * 20, 2, 3, b"\x08" * 32)):
        where = [*WHERE[:place], other, *WHERE[place + 1 :]]
        assert store.find(*where) is None
    store.keep(kept(scores=(7, 8)))
    assert store.find(*WHERE) == (7, 8)
    assert [path.name for path in (tmp_path / "scores").iterdir()] == ["1-2.json"]


@pytest.mark.parametrize("again", [True, False])
def test_only_what_cannot_be_worked_out_again_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    synced = list[int]()
    monkeypatch.setattr("os.fsync", synced.append)
    KeptScores(tmp_path / "scores").keep(kept(), again=again)
    assert bool(synced) is not again
    assert KeptScores(tmp_path / "scores").find(*WHERE) == (5, -6)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff" * 99, b"x" * (1 << 17)])
def test_a_file_that_is_none_is_passed_over(tmp_path: Path, content: bytes) -> None:
    store = KeptScores(tmp_path)
    (tmp_path / "1-2.json").write_bytes(content)
    assert store.find(*WHERE) is None


def test_one_changed_digit_is_noticed(tmp_path: Path) -> None:
    store = KeptScores(tmp_path)
    store.keep(kept())
    path = tmp_path / "1-2.json"
    path.write_bytes(path.read_bytes().replace(b"[5,-6]", b"[5,-7]"))
    assert store.find(*WHERE) is None


def test_scores_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot write"):
        KeptScores(tmp_path / "file" / "scores").keep(kept())


def test_a_salt_is_the_same_again_and_another_for_each_key_and_scoring() -> None:
    signers = [LocalSigner(Account.from_key(bytes([number]) * 32)) for number in (1, 2)]
    assert salt_of(signers[0], *WHERE) == salt_of(signers[0], *WHERE)
    others = [1, "0x" + "11" * 20, 2, 1, b"\x08" * 32]
    wheres = [(*WHERE[:place], other, *WHERE[place + 1 :]) for place, other in enumerate(others)]
    salts = [salt_of(signers[0], *where) for where in [WHERE, *wheres]] + [salt_of(signers[1], *WHERE)]
    assert len(set(salts)) == 7
    assert all(len(salt) == 32 for salt in salts)
