"""The salt of a scorer's commitments."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from ledger.keys import ephemeral
from participant.scoring.salt import salt_of
from participant.scoring.vectors import Vectors

CHAIN, BOARD = 31337, "0x" + "7" * 40
SIGNER = ephemeral()


def scoring(round_: int, seed: bytes = b"s" * 32) -> Any:
    return SimpleNamespace(job=1, round=round_, seed=seed)


def test_the_salt_of_a_scoring_is_signed_for_once_and_is_that_of_its_seed(tmp_path: Path) -> None:
    signed = list[object]()

    class Counting:
        address = SIGNER.address

        def sign_typed_data(self, *said: Any) -> bytes:
            signed.append(said)
            return SIGNER.sign_typed_data(*said)

    places = SimpleNamespace(contracts=SimpleNamespace(scores=SimpleNamespace(address=BOARD)))
    connection = SimpleNamespace(folder=tmp_path, place=SimpleNamespace(chain=CHAIN), network=places)
    vectors = Vectors(cast(Any, connection), cast(Any, Counting()), cast(Any, None))
    asked = [scoring(1), scoring(1), scoring(2), scoring(2, b"t" * 32), scoring(2, b"t" * 32)]
    assert [vectors.salt(one) for one in asked] == [
        salt_of(SIGNER, CHAIN, BOARD, one.job, one.round, one.seed) for one in asked
    ]
    assert len(signed) == 3
