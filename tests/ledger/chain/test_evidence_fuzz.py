"""Whatever a file of evidence or a report says, reading it ends in who signed what, or in an error of ours.

`FEDLEDGER_FUZZ=100000` in the environment sets how many inputs are tried; a few thousand without it.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from eth_abi.abi import encode
from support.bundles import calldata
from support.mutations import JsonMutations, Mutations
from support.worlds import lies
from support.worlds.chain import ADDRESSES, CHAIN
from support.worlds.signing import _SECRETS, key, sign_digest, transaction

from ledger.chain.evidence.check import check, false_if
from ledger.chain.evidence.statement import statements
from ledger.errors import FedledgerError, Malformed
from ledger.events.contents import digest_of_vote, proposal_id
from ledger.events.evidence import BlockName, ShownOpening, SignedStatement, parse

INPUTS = int(os.environ.get("FEDLEDGER_FUZZ", "3000"))


def batch() -> SignedStatement:
    """A vote that a member signed and another relayed."""
    name, member = proposal_id(key(0), 1, 2, encode(["uint8"], [1])), key(1)
    said = {"proposal": name, "member": member, "deadline": 99, "choice": "For"}
    made = sign_digest(member, digest_of_vote(CHAIN, ADDRESSES["ballots"], 2, said))
    data = calldata("ballots", "voteBatch", name, 2, [(member, 1, 99, made[64], made[:32], made[32:64])])
    (found,) = statements(transaction(_SECRETS[key(0)], ADDRESSES["ballots"], data, CHAIN, 3), ADDRESSES, CHAIN)
    return found


def true() -> Iterator[SignedStatement]:
    """Statements of each form: with a claim, with an opening, relayed, and with the block that has it."""
    report = lies.wrong_value_members_agree().audit()
    yield from (one.evidence for one in report.lies.list)
    yield from report.rests_on[:3]
    yield batch()


@pytest.fixture(scope="module")
def known() -> list[SignedStatement]:
    made = [msgspec.structs.replace(one, block=BlockName(number=3, hash="0x" + "ab" * 32)) for one in true()]
    assert {one.inner is None for one in made} == {one.claim is None for one in made} == {True, False}
    for one in made:
        check(one, ADDRESSES, CHAIN)
    return made


def report_of(known: list[SignedStatement]) -> bytes:
    listed = [{"evidence": msgspec.to_builtins(one)} for one in known[:2]]
    rest = [msgspec.to_builtins(one) for one in known[2:]]
    return msgspec.json.encode({"fedledger": "report/2", "lies": {"list": listed}, "rests_on": rest})


def read(data: bytes, by_raw: dict[str, SignedStatement]) -> int:
    """How many statements of a file hold; of a transaction that is known, those hold alone that it makes."""
    held = 0
    for one in parse(data):
        with suppress(FedledgerError):
            check(one, ADDRESSES, CHAIN)
            assert "round" in false_if(one) or "job" in false_if(one) or "decision" in false_if(one)
            (again,) = parse(one.encode())
            assert again == one
            held += 1
            if one.raw in by_raw:
                plain = dict.fromkeys(("block", "opening", "claim"))
                assert msgspec.structs.replace(one, **plain) == msgspec.structs.replace(by_raw[one.raw], **plain)
                assert one.claim in (None, by_raw[one.raw].claim)
                assert one.opening in (None, by_raw[one.raw].opening)
    return held


def other_transactions(one: SignedStatement, seed: int) -> Iterator[bytes]:
    """Files whose transaction is bent: with what the true one says, and with what it says itself."""
    bent = Mutations(bytes.fromhex(one.raw[2:]), seed)
    while True:
        raw = next(bent)
        yield msgspec.structs.replace(one, raw="0x" + raw.hex()).encode()
        with suppress(Malformed):
            yield from (found.encode() for found in statements(raw)[:1])


def bent_files(known: list[SignedStatement]) -> Iterator[Iterator[bytes]]:
    for seed, data in enumerate([*(one.encode() for one in known), report_of(known)]):
        yield forever(Mutations(data, seed))
        yield forever(JsonMutations(data, seed))
    for seed, one in enumerate(known):
        yield other_transactions(one, seed)


def forever(made: Any) -> Iterator[bytes]:
    while True:
        yield next(made)


@pytest.mark.timeout(max(900, INPUTS // 50))
def test_no_input_crashes_the_readers_of_evidence(known: list[SignedStatement]) -> None:
    by_raw = {one.raw: one for one in known}
    files, parsed, held = list(bent_files(known)), 0, 0
    for number in range(INPUTS):
        with suppress(Malformed):
            held += read(next(files[number % len(files)]), by_raw)
            parsed += 1
    assert parsed > held > 0, "some inputs get past the form, and some hold"


def test_an_opening_of_every_kind_is_held_to_what_was_signed(known: list[SignedStatement]) -> None:
    """Openings that belong to nothing: wherever one is put, it proves nothing."""
    opening = ShownOpening(7, "01" * 32, "02" * 32, "03" * 16)
    for one in known:
        with pytest.raises(FedledgerError):
            check(msgspec.structs.replace(one, opening=opening), ADDRESSES, CHAIN)
