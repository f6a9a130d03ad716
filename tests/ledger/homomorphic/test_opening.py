"""Sums opened by the custodian, with TenSEAL: exact, and nothing is shown of one that a made-up ciphertext is
in.
"""

import pytest

pytest.importorskip("tenseal", reason="TenSEAL is not installed: pip install 'fedledger[he]'")

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.sums import CUSTODIAN, MEMBERS, SECOND, file_of, made_up, pieces, real, sign

from ledger.errors import Malformed, Refuted, UsageError
from ledger.homomorphic.bfv import Scheme
from ledger.homomorphic.contributions import Summing, summed
from ledger.homomorphic.keys import (
    SECRET_SIZE,
    SumKey,
    create_secret,
    encode_public,
    load_secret,
    read_public,
    read_secret,
)
from ledger.homomorphic.opening import contribution, open_sum
from ledger.homomorphic.parameters import DEGREE, MODULI, PLAIN
from ledger.homomorphic.plan import SumPlan, check_plan
from ledger.homomorphic.residues import add, packed
from ledger.homomorphic.statements import Decryption, judge_sum

PLAN, KEY, PUBLIC, SCHEME = real()


def brought(values: Sequence[int], place: int, weight: int = 1, plan: SumPlan = PLAN) -> bytes:
    party = MEMBERS[place]
    array = np.array(values, np.int64)
    return b"".join(contribution(plan, party, weight, array, PUBLIC, lambda typed: sign(party, typed)))


def opened(*files: bytes, plan: SumPlan = PLAN) -> tuple[Any, Any]:
    return open_sum(KEY, Summing(plan, pieces(*files)))


BOUND = PLAN.max_value
HONEST = [brought([place, -place, BOUND, -BOUND, 0], place, place + 1) for place in range(4)]


class TestOpening:
    @settings(max_examples=10)
    @given(
        st.lists(st.lists(st.integers(-BOUND, BOUND), min_size=5, max_size=5), min_size=3, max_size=4),
        st.lists(st.integers(1, PLAN.max_weight), min_size=4, max_size=4),
    )
    def test_it_is_the_exact_weighted_sum(self, rows: list[list[int]], weights: list[int]) -> None:
        files = [brought(row, place, weights[place]) for place, row in enumerate(rows)]
        added, values = opened(*files)
        assert values.tolist() == [
            sum(w * x for w, x in zip(weights, column, strict=False)) for column in zip(*rows, strict=True)
        ]
        assert added == summed(PLAN, pieces(*files))
        said = Decryption.of(PLAN, added, values)
        judge_sum(PLAN, added, values, [(said, CUSTODIAN), (said, SECOND)])

    def test_at_the_largest_sum_that_a_plan_can_have(self) -> None:
        largest = 1 << 26
        weight = PLAIN // 2 // (4 * largest)
        plan = replace(PLAN, max_weight=weight, max_value=largest)
        check_plan(plan)
        row = [largest, -largest, largest, -largest, 1]
        files = [brought(row, place, weight, plan) for place in range(4)]
        assert opened(*files, plan=plan)[1].tolist() == [value * 4 * weight for value in row]

    def test_over_several_blocks(self) -> None:
        plan = replace(PLAN, values=DEGREE + 3, smallest=3)
        rows = [np.random.default_rng(place).integers(-BOUND, BOUND, plan.values) for place in range(3)]
        files = [brought(row, place, plan=plan) for place, row in enumerate(rows)]
        assert (opened(*files, plan=plan)[1] == sum(rows)).all()

    def test_the_library_adds_to_the_same_residues(self) -> None:
        """Microsoft SEAL's own addition, and ours."""
        api = SCHEME.api
        encryptor, form = SCHEME.encryptor(PUBLIC), SCHEME._form(SCHEME._level, False, 2)
        parts = [SCHEME.encrypt(encryptor, np.arange(-50, 50) * place) for place in range(5)]
        total, made = np.zeros((2, 2, DEGREE), np.uint64), api.Ciphertext()
        for one in parts:
            add(total, one, MODULI)
        api.Evaluator(SCHEME.context).add_many([SCHEME._loaded(api.Ciphertext(), form, one) for one in parts], made)
        assert packed(SCHEME._residues(made, 2, 2)) == packed(total)

    def test_room_for_noise_is_enough_for_255(self) -> None:
        block = SCHEME.encrypt(SCHEME.encryptor(PUBLIC), np.array([7, -7]))
        total, decryptor = np.zeros((2, 2, DEGREE), np.uint64), SCHEME.decryptor(KEY.secret)
        for _ in range(255):
            add(total, block, MODULI)
        values, room = SCHEME.decrypt(decryptor, total)
        assert values[:3].tolist() == [7 * 255, -7 * 255, 0]
        assert SCHEME.decrypt(decryptor, block)[1] - room <= 8

    def test_where_the_system_has_no_files_in_memory(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        """They are in a folder of their owner's alone, and gone afterwards."""
        monkeypatch.delattr(os, "memfd_create")
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        made = Scheme()
        secret, public = made.make_key()
        block = made.encrypt(made.encryptor(public), np.array([5, -6]))
        assert made.decrypt(made.decryptor(secret), block)[0][:3].tolist() == [5, -6, 0]
        assert list(tmp_path.iterdir()) == []

    def test_two_encryptions_of_the_same_values_differ(self) -> None:
        assert brought([0] * 5, 0) != brought([0] * 5, 0)


class TestLies:
    """The custodian looks at each contribution before it shows the sum."""

    def refused(self, blocks: list[Any], weight: int = 1) -> Refuted:
        with pytest.raises(Refuted) as caught:
            opened(file_of(PLAN, MEMBERS[0], blocks, weight), *HONEST[1:])
        assert caught.value.facts["party"] == MEMBERS[0]
        assert "another key" in caught.value.advice
        assert MEMBERS[0] in caught.value.advice
        return caught.value

    def encrypted(self, values: list[int]) -> Any:
        return SCHEME.encrypt(SCHEME.encryptor(PUBLIC), np.array(values, np.int64))

    def test_garbage_has_no_room(self) -> None:
        assert "noise" in self.refused([made_up("garbage")]).message

    def test_a_value_out_of_bounds(self) -> None:
        assert self.refused([self.encrypted([0, 0, BOUND + 1])]).facts["value"] == 2

    def test_no_multiple_of_its_weight(self) -> None:
        assert self.refused([self.encrypted([6, 7])], weight=3).facts["value"] == 1

    def test_a_value_where_none_is(self) -> None:
        assert self.refused([self.encrypted([0] * 5 + [1])]).facts["value"] == 5

    def test_the_key_itself_is_never_in_a_sum(self) -> None:
        """The ciphertext (0, Δ) decrypts to the secret polynomial: a made-up contribution that asks for the key."""
        scaled = [-(-MODULI[0] * MODULI[1] // PLAIN) % prime for prime in MODULI]
        asking = np.zeros((2, 2, DEGREE), np.uint64)
        asking[1, :, 0] = scaled
        values, room = SCHEME.decrypt(SCHEME.decryptor(KEY.secret), asking)
        assert room > 16, "it is a ciphertext like any other"
        assert np.abs(values).max() > BOUND
        assert "does not allow" in self.refused([asking]).message

    def test_who_reads_another_s_ciphertexts_can_bring_a_multiple_of_them(self) -> None:
        """The limit of the scheme: no custodian sees it, and the opened sum shows what others brought. So nobody hands
        contributions on before all have brought theirs.
        """
        theirs = self.encrypted([3, 1, 4, 1, 5])
        primes = np.array(MODULI, object).reshape(1, -1, 1)
        multiple = (theirs.astype(object) * 10_000 % primes).astype(np.uint64)
        add(multiple, self.encrypted([0]), MODULI)
        first, second = file_of(PLAN, MEMBERS[0], [theirs]), file_of(PLAN, MEMBERS[1], [multiple])
        _, values = opened(first, second, brought([10, 20, 30, 40, 50], 2))
        assert [value // 10_001 for value in values] == [3, 1, 4, 1, 5]
        assert [value % 10_001 for value in values] == [10, 20, 30, 40, 50]

    def test_nobody_is_blamed_for_what_it_did_not_sign(self) -> None:
        forged = file_of(PLAN, MEMBERS[0], [made_up("garbage")], signer=MEMBERS[1])
        with pytest.raises(Malformed, match="did not sign"):
            opened(forged, *HONEST[1:])

    @pytest.mark.parametrize("values", [[BOUND + 1, 0, 0, 0, 0], [0] * 4])
    def test_an_honest_member_brings_nothing_else(self, values: list[int]) -> None:
        with pytest.raises(UsageError):
            brought(values, 0)
        with pytest.raises(UsageError, match="weight"):
            brought([0] * 5, 0, PLAN.max_weight + 1)


class TestKeys:
    def test_a_secret_key_is_its_owner_s_alone(self, tmp_path: Path) -> None:
        file = tmp_path / "secret"
        create_secret(file, KEY)
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.stat().st_size == SECRET_SIZE
        assert (load_secret(file).secret == KEY.secret).all()
        with pytest.raises(UsageError, match="not overwritten"):
            create_secret(file, KEY)
        file.chmod(0o640)
        with pytest.raises(UsageError, match="others may read"):
            load_secret(file)
        assert "hidden" in repr(KEY)

    def test_one_that_is_damaged_is_refused(self) -> None:
        data = bytearray(KEY.encode())
        data[100] ^= 1
        with pytest.raises(Malformed, match="damaged"):
            read_secret(bytes(data))
        for other in (b"", bytes(data[:-1]), bytes(SECRET_SIZE)):
            with pytest.raises(Malformed, match="not a secret key"):
                read_secret(other)

    def test_another_sum_s_key_opens_nothing(self) -> None:
        with pytest.raises(UsageError, match="another sum's"):
            open_sum(SumKey(KEY.secret, bytes(32)), Summing(PLAN, pieces(*HONEST)))

    def test_a_public_key_is_the_plan_s(self) -> None:
        data = encode_public(PUBLIC)
        assert (read_public(data, KEY.public) == PUBLIC).all()
        with pytest.raises(Malformed, match="not the plan's"):
            read_public(data[:-1] + b"\0", KEY.public)
