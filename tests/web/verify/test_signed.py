"""The page's RLP, transactions and signatures: what Python's readers take, it takes; what they refuse, it refuses."""

import random
from typing import Any

import coincurve
import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.chain.evidence.transaction import read as read_transaction
from ledger.errors import Malformed
from ledger.formats.digest import checksum_address, keccak

FIELD = (1 << 256) - (1 << 32) - 977
TO = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
LIST = [{"address": TO, "storageKeys": ["0x" + "11" * 32, "0x" + "00" * 32]}]
FEES = {"gas": 90_000, "to": TO, "value": 0, "chainId": 31337}
KINDS: dict[str, dict[str, Any]] = {
    "legacy": {"gasPrice": 7},
    "list": {"gasPrice": 0, "accessList": LIST, "type": 1},
    "fees": {"maxFeePerGas": 9, "maxPriorityFeePerGas": 1, "type": 2, "accessList": []},
}


def signed(kind: str, nonce: int, data: bytes, key: int = 1) -> bytes:
    made = Account.sign_transaction(FEES | KINDS[kind] | {"nonce": nonce, "data": data}, key.to_bytes(32, "big"))
    return bytes(made.raw_transaction)


def signature_of(number: int) -> tuple[dict[str, Any], list[str]]:
    """A signature as the page takes it, and its key's point, by key number 1 to 5."""
    key = coincurve.PrivateKey((number % 5 + 1).to_bytes(32, "big"))
    digest = keccak(number.to_bytes(4, "big"))
    made = key.sign_recoverable(digest, hasher=None)
    r, s, parity = int.from_bytes(made[:32], "big"), int.from_bytes(made[32:64], "big"), made[64]
    y = pow(r**3 + 7, (FIELD + 1) // 4, FIELD)
    y = y if y & 1 == parity else FIELD - y
    point = key.public_key.format(compressed=False)[1:]
    said = {"z": int.from_bytes(digest, "big"), "r": r, "s": s, "y": y, "parity": parity}
    texts: dict[str, Any] = {name: str(value) for name, value in said.items()}
    return texts | {"key": number % 5}, [str(int.from_bytes(half, "big")) for half in (point[:32], point[32:])]


def batch(count: int) -> tuple[list[dict[str, Any]], list[list[str]]]:
    made = [signature_of(number) for number in range(count)]
    keys = {one["key"]: point for one, point in (*made, *(signature_of(number) for number in range(5)))}
    return [one for one, _ in made], [keys[number] for number in range(5)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [0, 1, 40, 300])
def test_transactions_are_read_as_python_reads_them(modules: Any, kind: str, size: int) -> None:
    raw = signed(kind, size, random.Random(size).randbytes(size))
    expected = read_transaction(raw)
    chain, nonce, to, data, digest, r, s, parity = modules("transaction", raw.hex())
    assert (int(chain), int(nonce), data) == (expected.chain, size, expected.data.hex())
    assert checksum_address(bytes.fromhex(to)) == expected.to
    whole = int(r).to_bytes(32, "big") + int(s).to_bytes(32, "big") + bytes([int(parity)])
    point = coincurve.PublicKey.from_signature_and_message(whole, bytes.fromhex(digest), hasher=None)
    assert checksum_address(keccak(point.format(compressed=False)[1:])[-20:]) == expected.signer


@settings(max_examples=400)
@given(st.sampled_from(sorted(KINDS)), st.integers(0, 250), st.binary(max_size=3), st.integers(0, 3))
def test_a_bent_transaction_is_refused_where_python_refuses_it(
    modules: Any, kind: str, at: int, more: bytes, cut: int
) -> None:
    raw = signed(kind, 5, b"\x01\x02")
    bent = raw[:at] + more + raw[at + cut :]
    try:
        read_transaction(bent)
    except Malformed:
        return
    assert modules("transaction", bent.hex()) is not None


@settings(max_examples=400)
@given(st.binary(max_size=80))
def test_no_bytes_are_two_items(modules: Any, data: bytes) -> None:
    def encoded(item: Any) -> bytes:
        if isinstance(item, list):
            body, base = b"".join(map(encoded, item)), 0xC0
        else:
            body, base = bytes.fromhex(item), 0x80
            if len(body) == 1 and body[0] < 0x80:
                return body
        if len(body) < 56:
            return bytes([base + len(body)]) + body
        size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
        return bytes([base + 55 + len(size)]) + size + body

    found = modules("rlp", data.hex())
    assert found is None or encoded(found) == data


@pytest.mark.parametrize("count", [1, 2, 7, 60])
def test_signatures_hold_all_together(modules: Any, count: int) -> None:
    assert modules("signatures", *batch(count)) == -1


def test_as_many_as_a_bundle_has_are_no_arguments_of_one_call(modules: Any) -> None:
    signatures, keys = batch(10)
    assert modules("signatures", signatures * 2600, keys) == -1


@pytest.mark.parametrize("field", ["z", "r", "s", "y", "parity", "key"])
@pytest.mark.parametrize("place", [0, 1, 11, 23])
def test_a_bad_signature_is_found_at_its_place(modules: Any, field: str, place: int) -> None:
    signatures, keys = batch(24)
    for bad in (place, 23):
        value = signatures[bad][field]
        signatures[bad][field] = (value + 1) % 5 if field == "key" else str(int(value) ^ 1)
    if place == 23:
        signatures[23][field] = (
            (batch(24)[0][23]["key"] + 2) % 5 if field == "key" else str(int(signatures[23][field]) ^ 1)
        )
    assert modules("signatures", signatures, keys) == place


def test_two_bad_signatures_do_not_make_each_other_good(modules: Any) -> None:
    """Errors that would add up to nothing, if they were not multiplied by coefficients that nobody can choose."""
    signatures, keys = batch(10)
    signatures[3]["z"], signatures[8]["z"] = signatures[8]["z"], signatures[3]["z"]
    assert modules("signatures", signatures, keys) == 3


def test_the_other_half_of_s_is_refused(modules: Any) -> None:
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    signatures, keys = batch(3)
    one = signatures[1]
    one["s"], one["y"], one["parity"] = (
        str(order - int(one["s"])),
        str(FIELD - int(one["y"])),
        str(1 - int(one["parity"])),
    )
    assert modules("signatures", signatures, keys) == 1
