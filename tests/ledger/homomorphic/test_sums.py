"""Sums of ciphertexts: one form for everyone, no key needed, and each lie is named with who signed it."""

from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.sums import CUSTODIAN, MEMBERS, PLAN, SECOND, file_of, made_up, made_up_file, pieces, sign

from ledger.errors import Malformed, Refuted, Unavailable
from ledger.homomorphic.contributions import HEAD, contribution_size, summed
from ledger.homomorphic.parameters import BLOCK, DEGREE, MODULI, PLAIN
from ledger.homomorphic.plan import SumPlan, check_plan, parse_plan
from ledger.homomorphic.residues import add, packed, unpacked
from ledger.homomorphic.statements import Decryption, judge_sum, read_decryption

FILES = [made_up_file(PLAN, party, place + 1) for place, party in enumerate(MEMBERS)]
ADDED = summed(PLAN, pieces(*FILES))
VALUES = np.array([1, -2, 3, -1048576, 0], np.int64)
SAID = Decryption.of(PLAN, ADDED, VALUES)


def signed(said: Decryption, party: str) -> bytes:
    return said.unsigned + sign(party, said.to_sign())


class TestResidues:
    @settings(max_examples=20)
    @given(st.permutations(range(6)))
    def test_the_sum_has_one_form_in_any_order(self, order: list[int]) -> None:
        right = np.zeros((2, 2, DEGREE), object)
        for place in range(6):
            right += made_up(str(place)).astype(object)
        total = np.zeros((2, 2, DEGREE), np.uint64)
        for place in order:
            add(total, made_up(str(place)), MODULI)
        assert (total.astype(object) == right % np.array(MODULI, object).reshape(1, -1, 1)).all()

    def test_files_hold_them_in_six_bytes(self) -> None:
        residues = made_up("one")
        data = packed(residues)
        assert len(data) == BLOCK
        assert int.from_bytes(data[:6], "little") == residues[0, 0, 0]
        assert (unpacked(data, 2, MODULI, "it") == residues).all()

    @pytest.mark.parametrize(("polynomial", "prime"), [(0, 0), (0, 1), (1, 0), (1, 1)])
    def test_one_that_is_not_below_its_modulus_is_refused(self, polynomial: int, prime: int) -> None:
        residues = made_up("one")
        residues[polynomial, prime, 77] = MODULI[prime] - 1
        unpacked(packed(residues), 2, MODULI, "it")
        residues[polynomial, prime, 77] = MODULI[prime]
        with pytest.raises(Malformed, match="not below its modulus") as caught:
            unpacked(packed(residues), 2, MODULI, "it")
        assert caught.value.facts["coefficient"] == 77

    @pytest.mark.parametrize("size", [0, BLOCK - 1, BLOCK + 6])
    def test_another_length_is_refused(self, size: int) -> None:
        with pytest.raises(Malformed, match="length"):
            unpacked(bytes(size), 2, MODULI, "it")


class TestPlan:
    def test_it_is_read_as_it_was_written(self) -> None:
        assert parse_plan(PLAN.encode()) == PLAN

    @pytest.mark.parametrize(
        ("changes", "what"),
        [
            ({"members": MEMBERS[::-1]}, "ascending"),
            ({"members": (*MEMBERS, MEMBERS[-1])}, "twice"),
            ({"members": MEMBERS[:2], "smallest": 2}, "number of members"),
            ({"second": CUSTODIAN}, "one key"),
            ({"custodian": CUSTODIAN.lower()}, "EIP-55"),
            ({"key": "AB" * 32}, "hexadecimal"),
            ({"smallest": 2}, "smallest"),
            ({"smallest": 5}, "smallest"),
            ({"values": 0}, "values"),
            ({"max_weight": 0}, "max_weight"),
            ({"max_value": 1 << 31}, "max_value"),
            ({"name": ""}, "name"),
        ],
    )
    def test_one_that_cannot_be_is_refused(self, changes: dict[str, object], what: str) -> None:
        with pytest.raises(Malformed, match=what):
            check_plan(replace(PLAN, **changes))

    def test_no_sum_reaches_half_of_the_plain_modulus(self) -> None:
        """The bound is exact: members · max_weight · max_value."""
        plan = replace(PLAN, max_value=1 << 26)
        most = PLAIN // 2 // (4 * plan.max_value)
        check_plan(replace(plan, max_weight=most))
        with pytest.raises(Malformed, match="could be too large"):
            check_plan(replace(plan, max_weight=most + 1))

    def test_another_document_is_refused(self) -> None:
        with pytest.raises(Malformed):
            parse_plan(PLAN.encode()[:-1] + b',"more":1}')
        with pytest.raises(Malformed, match="too large"):
            parse_plan(bytes(1 << 17))


class TestContributions:
    def test_everyone_comes_to_the_same_sum(self) -> None:
        """In whatever order files are named; the sum is that of the residues."""
        assert summed(PLAN, pieces(*FILES[::-1])) == ADDED
        total = np.zeros((2, 2, DEGREE), np.uint64)
        for party in MEMBERS:
            add(total, made_up(f"{party} 0"), MODULI)
        assert ADDED.sum == sha256(packed(total)).digest()
        assert (ADDED.set, ADDED.divisor) == (0b1111, 10)
        assert {len(file) for file in FILES} == {contribution_size(PLAN)}

    def test_more_values_take_more_blocks(self) -> None:
        plan = replace(PLAN, values=DEGREE + 1)
        files = [made_up_file(plan, party) for party in MEMBERS]
        assert {len(file) for file in files} == {contribution_size(plan)} == {HEAD + 2 * BLOCK + 65}
        assert summed(plan, pieces(*files)).sum != ADDED.sum

    def test_one_may_stay_away(self) -> None:
        left = summed(PLAN, pieces(*FILES[1:]))
        assert (left.set, left.divisor) == (0b1110, 9)
        assert left.sum != ADDED.sum
        with pytest.raises(Malformed, match="too few"):
            summed(PLAN, pieces(*FILES[2:]))

    @pytest.mark.parametrize("at", [0, 20, 50, 68, HEAD + 5, -3])
    def test_any_changed_byte_is_seen(self, at: int) -> None:
        file = bytearray(FILES[0])
        file[at] ^= 1
        with pytest.raises(Malformed):
            summed(PLAN, pieces(bytes(file), *FILES[1:]))

    @pytest.mark.parametrize("size", [0, 10, HEAD, HEAD + BLOCK, contribution_size(PLAN) - 1])
    def test_a_file_that_is_cut_is_refused(self, size: int) -> None:
        with pytest.raises(Malformed):
            summed(PLAN, pieces(FILES[0][:size], *FILES[1:]))

    def test_a_file_that_is_longer_is_refused(self) -> None:
        with pytest.raises(Malformed, match="length"):
            summed(PLAN, pieces(FILES[0] + b"x", *FILES[1:]))

    def test_what_another_key_signed_is_nobody_s(self) -> None:
        """Nobody is blamed for bytes that somebody else made under its name."""
        forged = file_of(PLAN, MEMBERS[0], [made_up("x")], signer=MEMBERS[1])
        with pytest.raises(Malformed, match="did not sign"):
            summed(PLAN, pieces(forged, *FILES[1:]))

    def test_two_files_of_one_member_are_refused(self) -> None:
        with pytest.raises(Malformed, match="two contributions"):
            summed(PLAN, pieces(*FILES, made_up_file(PLAN, MEMBERS[0], label="other")))

    def test_a_copy_of_another_s_ciphertexts_is_refused(self) -> None:
        """It would count twice what its member does not know."""
        copied = made_up_file(PLAN, MEMBERS[0], 5, label=MEMBERS[1])
        with pytest.raises(Malformed, match="the same ciphertexts"):
            summed(PLAN, pieces(copied, *FILES[1:]))

    def test_strangers_other_sums_and_heavy_weights_are_refused(self) -> None:
        with pytest.raises(Malformed, match="not that of a member"):
            summed(PLAN, pieces(made_up_file(PLAN, CUSTODIAN), *FILES))
        with pytest.raises(Malformed, match="another sum"):
            summed(replace(PLAN, name="Admissions in 2026"), pieces(*FILES))
        for weight in (0, PLAN.max_weight + 1):
            with pytest.raises(Malformed, match="weight"):
                summed(PLAN, pieces(made_up_file(PLAN, MEMBERS[0], weight), *FILES[1:]))


class TestStatements:
    def judge(self, *said: tuple[Decryption, str], values: np.ndarray = VALUES) -> np.ndarray:
        return judge_sum(PLAN, ADDED, values, said).divided()

    def test_a_sum_that_both_custodians_signed_is_divided(self) -> None:
        both = [read_decryption(signed(SAID, party), PLAN) for party in (CUSTODIAN, SECOND)]
        assert self.judge(*both).tolist() == [0, 0, 0, -104858, 0]

    def test_one_custodian_alone_is_not_enough(self) -> None:
        for party, lacking in ((CUSTODIAN, SECOND), (SECOND, CUSTODIAN)):
            with pytest.raises(Unavailable, match="has not said") as caught:
                self.judge((SAID, party))
            assert caught.value.facts["lacking"] == lacking
        with pytest.raises(Unavailable):
            self.judge()

    def test_custodians_that_contradict_each_other_are_both_named(self) -> None:
        other = SAID._replace(values=bytes(32))
        with pytest.raises(Refuted, match="contradict") as caught:
            self.judge((SAID, CUSTODIAN), (other, SECOND))
        assert caught.value.facts == {"custodian": SAID.values, "second": bytes(32)}

    def test_a_member_with_two_files_makes_no_liar_of_either(self) -> None:
        """The set is the same, the contributions are not: both may have said what is so."""
        files = [made_up_file(PLAN, MEMBERS[0], label="its other one"), *FILES[1:]]
        other = Decryption.of(PLAN, summed(PLAN, pieces(*files)), VALUES + 1)
        assert other.set == SAID.set
        for both in ([(SAID, CUSTODIAN), (other, SECOND)], [(other, CUSTODIAN), (SAID, SECOND)]):
            with pytest.raises(Malformed, match="other contributions"):
                self.judge(*both)

    @pytest.mark.parametrize("change", [{"values": bytes(32)}, {"set": 7, "contributions": bytes(32)}])
    @pytest.mark.parametrize("order", [1, -1])
    def test_who_signs_two_statements_is_named(self, change: dict[str, object], order: int) -> None:
        """Whichever is named last."""
        two = [(SAID, CUSTODIAN), (SAID._replace(**change), CUSTODIAN)][::order]
        with pytest.raises(Refuted, match="two statements") as caught:
            self.judge(*two, (SAID, SECOND))
        assert caught.value.facts["author"] == CUSTODIAN
        self.judge((SAID, CUSTODIAN), (SAID, CUSTODIAN), (SAID, SECOND))

    def test_a_statement_of_another_sum_of_these_contributions_convicts_its_author(self) -> None:
        wrong = SAID._replace(sum=bytes(32))
        with pytest.raises(Refuted, match="another sum") as caught:
            self.judge((wrong, CUSTODIAN), (SAID, SECOND))
        assert caught.value.facts["author"] == CUSTODIAN

    def test_a_statement_of_other_contributions_convicts_nobody(self) -> None:
        for changes in ({"set": 7}, {"contributions": bytes(32)}):
            with pytest.raises(Malformed, match="other contributions"):
                self.judge((SAID._replace(**changes), CUSTODIAN), (SAID, SECOND))

    def test_other_values_than_the_signed_ones_convict_nobody(self) -> None:
        with pytest.raises(Malformed, match="not the values"):
            self.judge((SAID, CUSTODIAN), (SAID, SECOND), values=VALUES + 1)

    @pytest.mark.parametrize("value", [10 * (1 << 20) + 1, -10 * (1 << 20) - 1, -(1 << 63)])
    def test_a_value_beyond_every_bound_convicts_its_authors(self, value: int) -> None:
        values = VALUES.copy()
        values[2] = value
        said = Decryption.of(PLAN, ADDED, values)
        with pytest.raises(Refuted, match="within their bounds") as caught:
            self.judge((said, CUSTODIAN), (said, SECOND), values=values)
        assert caught.value.facts["value"] == 2
        values[2] = 10 * (1 << 20)
        said = Decryption.of(PLAN, ADDED, values)
        self.judge((said, CUSTODIAN), (said, SECOND), values=values)

    def test_another_number_of_values_is_refused(self) -> None:
        said = Decryption.of(PLAN, ADDED, VALUES[:4])
        with pytest.raises(Malformed, match="number of values"):
            self.judge((said, CUSTODIAN), (said, SECOND), values=VALUES[:4])

    def test_only_its_two_custodians_speak(self) -> None:
        for data in (signed(SAID, MEMBERS[0]), signed(SAID, CUSTODIAN)[:-1], b"", signed(SAID, CUSTODIAN) + b"x"):
            with pytest.raises(Malformed):
                read_decryption(data, PLAN)
        other: SumPlan = replace(PLAN, name="another")
        with pytest.raises(Malformed, match="another sum"):
            read_decryption(signed(SAID, CUSTODIAN), other)
