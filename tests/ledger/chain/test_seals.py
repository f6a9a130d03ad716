"""Seals of Clique, QBFT and IBFT 2.0: honest chains, and one test for each lie.

The chains are made from the specifications, with other libraries (`support.worlds.sealed`). Clique is held against real
geth in `test_clique.py`, QBFT against GoQuorum in `test_qbft.py`; no client of IBFT 2.0 was at hand.
"""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from support.worlds.sealed import ORDER, BftBlocks, Blocks, CliqueBlocks, Validator, digest, validators

from ledger.chain.headers import read_header
from ledger.chain.proofs.header_chain import BlockAt
from ledger.chain.proofs.log_proof import Refused, Unknown
from ledger.chain.seals import BadSeal, Bft, Clique
from ledger.chain.seals.bft import quorum
from ledger.chain.seals.follow import DEPTH, Sealed, SealedChain
from ledger.config import Chain, Contract, Contracts, Founding, Network

KINDS = ("qbft", "ibft2")
STRANGER = Validator(99)
IN, OUT = b"\xff" * 8, bytes(8)


def network(kind: Any, blocks: Blocks, named: list[Validator], founding: int = 1) -> Network:
    """One that pins the chain's validators at a block."""
    contract = Contract(address="0x" + "00" * 20, code_hash="0x" + "00" * 32)
    pinned = "0x" + blocks.place(founding)[1].hex()
    names = tuple(one.address for one in named)
    return Network(
        fedledger="network/1",
        name="sealed",
        chain=Chain(id=1, rpc="http://localhost", seals=kind),
        founding=Founding(block=founding, hash=pinned, members=(), validators=names),
        contracts=Contracts(
            consortium=contract,
            ledger=contract,
            scores=contract,
            releases=contract,
            ballots=contract,
            masks=contract,
            budgets=contract,
            court=contract,
        ),
    )


def check(blocks: Any, pinned: Network, folder: Path) -> Sealed | Refused | Unknown:
    return SealedChain(blocks, pinned, folder / "seals.json").check(BlockAt(*blocks.tip))


def bft(kind: str, count: int = 4) -> BftBlocks:
    """Block 1, the founding, is sealed by all."""
    made = BftBlocks(kind, validators(count))
    made.seal()
    return made


def clique(count: int = 3) -> CliqueBlocks:
    made = CliqueBlocks(validators(count))
    made.seal()
    return made


def refused(blocks: Any, kind: str, folder: Path, count: int) -> str:
    """Why the chain's last block is not sealed."""
    found = check(blocks, network(kind, blocks, validators(count)), folder)
    assert isinstance(found, Refused)
    assert f"block {blocks.tip[0]}" in found.why
    return found.why


@pytest.mark.parametrize(("validators", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5), (100, 67)])
def test_a_quorum_is_two_thirds_rounded_up(validators: int, needed: int) -> None:
    assert quorum(validators) == needed
    assert 2 * needed - validators > (validators - 1) // 3


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_sealed_by_a_quorum_hold_in_any_round(kind: str, tmp_path: Path) -> None:
    blocks = bft(kind)
    blocks.seal(round_=1)
    blocks.seal(sealers=blocks.validators[:3], round_=300)
    found = check(blocks, network(kind, blocks, validators(4)), tmp_path)
    assert isinstance(found, Sealed)
    assert (found.block, found.checked, found.settled, len(found.state.validators)) == (3, 2, 3, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_validators_join_and_leave_one_by_one(kind: str, tmp_path: Path) -> None:
    blocks, four = bft(kind), validators(4)
    blocks.seal(vote=[STRANGER.raw, b"\xff"])
    blocks.seal(listed=[*four, STRANGER], sealers=four)
    blocks.seal(vote=[four[0].raw, b""], sealers=[STRANGER, *four[1:]])
    blocks.seal(listed=[*four[1:], STRANGER])
    found = check(blocks, network(kind, blocks, four), tmp_path)
    assert isinstance(found, Sealed) and STRANGER.address in found.state.validators
    assert four[0].address not in found.state.validators


@pytest.mark.parametrize("kind", KINDS)
def test_too_few_foreign_and_duplicate_seals_are_refused(kind: str, tmp_path: Path) -> None:
    four = validators(4)
    for name, sealers, why in (
        ("few", four[:2], "3 must seal it, and 2 did"),
        ("none", [], "3 must seal it, and 0 did"),
        ("foreign", [*four[:3], STRANGER], "which is not a validator"),
        ("double", [*four[:2], four[0]], "a validator sealed it twice"),
    ):
        blocks = bft(kind)
        blocks.seal()
        blocks.seal(sealers=sealers)
        (tmp_path / name).mkdir()
        assert why in refused(blocks, kind, tmp_path / name, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_validators_that_change_without_a_quorum_are_refused(kind: str, tmp_path: Path) -> None:
    four, others = validators(4), [Validator(number) for number in range(50, 54)]
    for name, listed, sealers, why in (
        ("all", others, others, "more than one validator changed"),
        ("two", [*four[:2], *others[:2]], four, "which is not a validator"),
        ("swap", [*four[:3], others[0]], None, "more than one validator changed"),
        ("out", four[:3], four[:1], "2 must seal it, and 1 did"),
        ("twice", [*four, four[0]], four, "a validator is listed twice"),
        ("nobody", [], four, "it lists no validators"),
    ):
        blocks = bft(kind)
        blocks.seal(listed=listed, sealers=sealers)
        (tmp_path / name).mkdir()
        assert why in refused(blocks, kind, tmp_path / name, 4)


def test_one_validator_cannot_add_its_own_key(tmp_path: Path) -> None:
    """Of two: the listed set has its quorum only with the other's seal."""
    two = validators(2)
    blocks = bft("qbft", 2)
    blocks.seal(listed=[*two, STRANGER], sealers=[STRANGER])
    assert "2 must seal it, and 1 did" in refused(blocks, "qbft", tmp_path, 2)
    alone = Bft("qbft", tuple(Validator(number).address for number in range(7)))
    moved = Bft("qbft", (*alone.validators, STRANGER.address))
    with pytest.raises(BadSeal, match="did not seal that one changed"):
        alone._check_change(moved, {STRANGER.address, alone.validators[0]})


@pytest.mark.parametrize("kind", KINDS)
def test_a_seal_over_another_header_or_round_is_foreign(kind: str, tmp_path: Path) -> None:
    blocks = bft(kind)
    header = blocks.next(miner=blocks.validators[0].raw)
    signed = digest(header | {"extraData": blocks.bare(blocks.validators, 1)})
    seals = [one.sign(signed) for one in blocks.validators]
    sealed = header | {"extraData": blocks.whole(blocks.validators, 2, seals)}
    blocks.add(sealed, digest(header | {"extraData": blocks.bare(blocks.validators)}))
    assert "which is not a validator" in refused(blocks, kind, tmp_path, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_extra_data_that_cannot_be_read_are_nobodys_proof(kind: str, tmp_path: Path) -> None:
    """They do not hash to the block's hash by any rule, or are no list of seals."""
    for name, edit in (
        ("cut", lambda extra: extra[:-1]),
        ("longer", lambda extra: extra + b"\0"),
        ("not canonical", lambda extra: b"\xfa\x00" + extra[1:]),
        ("huge", lambda extra: b"\xfb\xff\xff\xff\xff" + extra),
        ("none", lambda extra: b""),
    ):
        blocks = bft(kind)
        blocks.seal()
        last = blocks.shown[-1]
        last["extraData"] = "0x" + edit(bytes.fromhex(last["extraData"][2:])).hex()
        (tmp_path / name).mkdir()
        found = check(blocks, network(kind, blocks, validators(4)), tmp_path / name)
        assert isinstance(found, Unknown) and "does not hash to its hash" in found.why
    plain = bft(kind)
    header = plain.next(extraData=b"not sealed")
    plain.add(header, digest(header))
    assert refused(plain, kind, tmp_path, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_that_do_not_follow_one_another_are_refused(kind: str, tmp_path: Path) -> None:
    blocks = bft(kind)
    blocks.seal(parentHash=b"\x77" * 32)
    blocks.seal()
    found = check(blocks, network(kind, blocks, validators(4)), tmp_path)
    assert isinstance(found, Refused) and "do not follow one another" in found.why


def test_clique_signers_take_turns_and_step_in(tmp_path: Path) -> None:
    blocks, three = clique(), validators(3)
    blocks.seal()
    blocks.seal(signer=three[1])  # out of turn
    blocks.seal(signer=three[2])
    found = check(blocks, network("clique", blocks, three), tmp_path)
    assert isinstance(found, Sealed)
    assert (found.block, found.settled, found.state.kind) == (4, 3, "clique")


def test_clique_signers_vote_in_and_out(tmp_path: Path) -> None:
    blocks, three = clique(), validators(3)
    four = sorted([*three, STRANGER], key=lambda one: one.raw)
    blocks.seal(miner=STRANGER.raw, nonce=IN)
    blocks.seal(miner=STRANGER.raw, nonce=IN)  # two of three: in
    blocks.signers = four
    for signer in (STRANGER, *three[1:]):
        _any(blocks, signer, miner=three[0].raw, nonce=OUT)
    blocks.signers = [one for one in four if one is not three[0]]  # three of four: out
    _any(blocks, STRANGER)
    found = check(blocks, network("clique", blocks, three), tmp_path)
    assert isinstance(found, Sealed), found
    assert set(found.state.validators) == {one.address for one in blocks.signers}


def _any(blocks: CliqueBlocks, signer: Validator, **fields: Any) -> None:
    """A block by a signer, in turn or not."""
    blocks.seal(signer=next(one for one in blocks.signers if one.raw == signer.raw), **fields)


def test_an_epoch_lists_the_signers_and_forgets_votes(tmp_path: Path) -> None:
    blocks, three = clique(), validators(3)
    blocks.seal(miner=STRANGER.raw, nonce=IN)
    blocks.seal(listed=three)
    blocks.seal(miner=STRANGER.raw, nonce=IN)
    found = check(blocks, network("clique", blocks, three), tmp_path)
    assert isinstance(found, Sealed) and len(found.state.validators) == 3
    blocks.seal(listed=[*three[:2], STRANGER])
    assert "other signers than the votes led to" in refused(blocks, "clique", tmp_path, 3)


CLIQUE_LIES: dict[str, tuple[dict[str, Any], str]] = {
    "foreign seal": ({"signer": STRANGER}, "which is not a signer"),
    "twice in a row": ({"signer": validators(3)[1]}, "which sealed one of the 1 blocks before"),
    "not in turn, it says": ({"difficulty": 1}, "whose turn it was"),
    "a larger difficulty": ({"difficulty": 3}, "whose turn it was"),
    "half a vote": ({"nonce": b"\xff" + bytes(7)}, "neither for nor against"),
    "half a signer listed": ({"extraData": bytes(32 + 19)}, "no place for a seal"),
    "a short vanity": ({"extraData": bytes(31)}, "no place for a seal"),
    "an epoch of its own": ({"listed": validators(3)[:1]}, "other signers than the votes led to"),
    "a signer listed twice": ({"listed": [*validators(2), validators(2)[0]]}, "listed twice"),
}


@pytest.mark.parametrize("name", CLIQUE_LIES)
def test_a_clique_header_that_breaks_a_rule_is_refused(name: str, tmp_path: Path) -> None:
    lie, why = CLIQUE_LIES[name]
    blocks = clique()
    assert why in (blocks.seal(**lie) or refused(blocks, "clique", tmp_path, 3))


def test_a_seal_is_taken_in_either_form_of_a_signature() -> None:
    """Chains take both: one signer must not be able to make its blocks look unsealed."""
    blocks, three = CliqueBlocks(validators(3)), validators(3)
    header = blocks.next(difficulty=2, extraData=bytes(32))
    seal = three[1].sign(digest(header))
    other = seal[:32] + (ORDER - int.from_bytes(seal[32:64])).to_bytes(32, "big") + bytes([seal[64] ^ 1])
    state = Clique(tuple(one.address for one in three))
    for form in (seal, other):
        sealed = header | {"extraData": bytes(32) + form}
        blocks.add(sealed, digest(sealed))
        read = read_header(blocks.shown.pop())
        assert read is not None and state.after(read).recent == (three[1].address,)


@given(st.binary(min_size=65, max_size=65), st.binary(max_size=200))
def test_no_seal_breaks_the_rules(seal: bytes, before: bytes) -> None:
    blocks = CliqueBlocks(validators(3))
    header = blocks.next(extraData=before + seal)
    blocks.add(header, digest(header))
    read = read_header(blocks.shown[-1])
    assert read is not None
    with pytest.raises(BadSeal):
        Clique.at_epoch(read).after(read)
    with pytest.raises(BadSeal):
        Bft("qbft", ()).after(read)


def test_a_check_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    blocks = bft("qbft")
    pinned = network("qbft", blocks, validators(4))
    for _ in range(5):
        blocks.seal()
    assert isinstance(check(blocks, pinned, tmp_path), Sealed)
    blocks.asked = 0
    again = check(blocks, pinned, tmp_path)
    assert (again, blocks.asked) == (Sealed(6, 0, again.state), 0)  # type: ignore[union-attr]
    blocks.seal(sealers=blocks.validators[:1])
    assert isinstance(check(blocks, pinned, tmp_path), Refused)
    blocks.shown.pop()
    blocks.seal()
    found = check(blocks, pinned, tmp_path)
    assert isinstance(found, Sealed) and found.checked == 1


def test_a_chain_without_finality_is_kept_some_blocks_deep_and_may_be_replaced(tmp_path: Path) -> None:
    blocks, three = clique(), validators(3)
    pinned = network("clique", blocks, three)
    for _ in range(DEPTH + 5):
        blocks.seal()
    first = check(blocks, pinned, tmp_path)
    assert isinstance(first, Sealed) and first.checked == DEPTH + 5
    second = check(blocks, pinned, tmp_path)
    assert isinstance(second, Sealed) and second.checked == DEPTH
    del blocks.shown[3:]
    blocks.seal(signer=three[1])
    third = check(blocks, pinned, tmp_path)
    assert isinstance(third, Sealed) and (third.block, third.checked) == (3, 2)


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff", b'{"ledger":"","number":-1,"hash":"zz","state":{}}'])
def test_a_damaged_cache_is_read_past(damage: bytes, tmp_path: Path) -> None:
    blocks = bft("qbft")
    blocks.seal()
    (tmp_path / "seals.json").write_bytes(damage)
    assert isinstance(check(blocks, network("qbft", blocks, validators(4)), tmp_path), Sealed)


def test_votes_before_the_founding_count(tmp_path: Path) -> None:
    """A vote that was open at the founding decides with the next: the headers back to the last list are read."""
    blocks, three = clique(), validators(3)
    blocks.seal(miner=STRANGER.raw, nonce=IN)
    blocks.seal(miner=STRANGER.raw, nonce=IN)
    found = check(blocks, network("clique", blocks, three, founding=2), tmp_path)
    assert isinstance(found, Sealed) and STRANGER.address in found.state.validators


def test_other_validators_than_the_founding_blocks_are_nobodys_fault(tmp_path: Path) -> None:
    for kind, blocks in (("qbft", bft("qbft")), ("clique", clique(4))):
        found = check(blocks, network(kind, blocks, validators(3)), tmp_path)
        assert isinstance(found, Unknown) and "other validators than its founding block" in found.why
    plain = bft("qbft")
    found = check(plain, network("clique", plain, validators(4)), tmp_path)
    assert isinstance(found, Unknown) and "not sealed by clique" in found.why
    unpinned = network("none", plain, [])
    assert isinstance(check(plain, unpinned, tmp_path), Unknown)
    moved = replace(unpinned, chain=replace(unpinned.chain, seals="ibft2"))
    assert isinstance(check(plain, moved, tmp_path), Unknown)


@pytest.mark.parametrize("kind", [*KINDS, "clique"])
def test_a_block_before_the_last_one_checked_is_sealed_if_that_one_follows_on_it(kind: str, tmp_path: Path) -> None:
    """Its seals are not followed from the founding again, and no other block passes in its place."""
    blocks: Any = clique() if kind == "clique" else bft(kind)
    pinned = network(kind, blocks, validators(3 if kind == "clique" else 4))
    for _ in range(DEPTH + 5):
        blocks.seal()
    assert isinstance(check(blocks, pinned, tmp_path), Sealed)
    chain = SealedChain(blocks, pinned, tmp_path / "seals.json")
    number, hash_ = blocks.place(3)
    assert chain.check(BlockAt(number, hash_))[:2] == (3, 0)
    assert isinstance(chain.check(BlockAt(number, bytes(32))), Refused)
