"""A member's withdrawal: its one form, and each lie about it."""

from typing import Any

import pytest
from msgspec.structs import replace
from support.worlds.signing import sign_digest
from support.worlds.world import World

from ledger.errors import Malformed, Refuted
from ledger.formats.typed import typed_digest
from ledger.history.withdrawal import FORMAT, NO_BLOCK, SignedPlace, Withdrawal, check, digest_of, file_in, parse

BLOCK = "ab" * 32
REASON = "the ethics vote was revoked"


@pytest.fixture(scope="module")
def world() -> World:
    return World(4).open_job().honest_round()


def place(world: World) -> tuple[int, str]:
    return world.place.chain, world.place.contract


def signed(world: World, by: int = 1, **said: Any) -> Withdrawal:
    key = world.keys[by]
    stated = Withdrawal(
        fedledger=FORMAT,
        chain=world.place.chain,
        ledger=world.place.contract,
        job=1,
        digest=world.job.digest.hex(),
        member=by,
        key=key,
        last_round=1,
        block=SignedPlace(number=12, hash=BLOCK),
        reason=REASON,
    )
    stated = replace(stated, **said)
    where, types, message = stated.to_sign()
    digest = typed_digest(where["chainId"], where["verifyingContract"], types, message)
    return replace(stated, signature="0x" + sign_digest(key, digest).hex())


def held(world: World, found: Withdrawal) -> tuple[int, ...]:
    member = world.history.member_of(found.key)
    return check(parse(found.encode()), place(world), world.history.jobs[1], member, bytes.fromhex(BLOCK))


def test_it_is_read_back_as_it_was_made_and_holds(world: World, tmp_path: Any) -> None:
    found = signed(world)
    assert parse(found.encode()) == found
    assert held(world, found) == ()
    assert digest_of(found) != digest_of(signed(world, reason="another"))
    assert file_in(tmp_path, 3).name == "3.json"


def test_an_update_after_it_is_named(world: World) -> None:
    assert held(world, signed(world, last_round=0)) == (1,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reason": "another"}, "not under the key that it names"),
        ({"last_round": 0}, "not under the key that it names"),
        ({"chain": 1}, "of another ledger"),
        ({"digest": "ab" * 32}, "of another job"),
    ],
)
def test_each_lie_is_refuted(world: World, change: dict[str, Any], message: str) -> None:
    with pytest.raises(Refuted, match=message):
        held(world, replace(signed(world), **change))


def test_no_member_withdraws_for_another(world: World) -> None:
    with pytest.raises(Refuted, match="never spoke for this member"):
        held(world, signed(world, 1, member=2))
    stranger = signed(world)
    with pytest.raises(Refuted, match="never spoke for this member"):
        check(stranger, place(world), world.history.jobs[1], None, bytes.fromhex(BLOCK))


def test_a_block_that_is_not_the_chain_s_is_refuted(world: World) -> None:
    """Else nothing would say that it was made after it."""
    with pytest.raises(Refuted, match="names a block that is not the chain's"):
        held(world, signed(world, block=SignedPlace(number=12, hash="cd" * 32)))
    assert held(world, signed(world, block=NO_BLOCK)) == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"digest": "AB" * 32}, "digest of the withdrawal"),
        ({"signature": "0x00"}, "signature of the withdrawal"),
        ({"signature": "ab" * 65}, "signature of the withdrawal"),
        ({"member": 255}, "member of the withdrawal is out of range"),
        ({"last_round": -1}, "last_round of the withdrawal is out of range"),
        ({"key": "0x" + "ab" * 20}, "not an address in EIP-55 form"),
        ({"reason": " "}, "reason"),
    ],
)
def test_another_form_is_malformed(world: World, change: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        parse(replace(signed(world), **change).encode())
    with pytest.raises(Malformed):
        parse(b" " * 70_000)
