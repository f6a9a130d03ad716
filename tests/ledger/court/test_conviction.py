"""Conviction files: what they prove offline, and that nothing bent, cut or forged is taken."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple, replace
from support.court import convicted
from support.vectors import FOLDER, script
from support.worlds import lies
from support.worlds.signing import _SECRETS, transaction
from support.worlds.world import World

from ledger.chain import rlp
from ledger.chain.calldata import call_data
from ledger.chain.evidence.transaction import read
from ledger.cli.court.conviction import ShownConviction
from ledger.court.calldata import calls_of
from ledger.court.conviction import MAX_SIZE, ConvictionFile, SignedCall, check, parse
from ledger.court.judge import Holds
from ledger.court.refutation import Point
from ledger.court.search import accused_of, find_point
from ledger.errors import Malformed
from ledger.events.court import Ground
from ledger.party.refuting.finding import conviction_of

Parts = list[Any]
Forge = Callable[[ConvictionFile, ConvictionFile], ConvictionFile]


@pytest.fixture(scope="module")
def world() -> World:
    return lies.wrong_value_members_agree()


@pytest.fixture(scope="module")
def file(world: World) -> ConvictionFile:
    return convicted(world)


MAKE = script("make_conviction")
CASES = json.loads((FOLDER / "conviction.json").read_text(encoding="utf-8"))


def test_the_script_writes_what_is_committed() -> None:
    assert MAKE.text() == (FOLDER / MAKE.FILE).read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_frozen_file_proves_what_it_did(case: dict[str, Any]) -> None:
    proved = check(parse(bytes.fromhex(case["file"])))
    judgement = proved.judgement
    assert proved.round == (case["chain"], case["ledger"], case["job"], case["round"])
    assert (judgement.claim.hex(), judgement.expected, judgement.actual) == (
        case["claim"],
        case["expected"],
        case["actual"],
    )
    assert judgement.point[:5] == (case["ground"], 0, case["value"], case["low"], case["high"])
    assert (proved.aggregator, list(proved.attesters), list(proved.parties)) == (
        case["aggregator"],
        case["attesters"],
        case["parties"],
    )


def test_a_file_says_who_is_convicted_of_what(world: World, file: ConvictionFile) -> None:
    data = file.encode()
    assert parse(data) == file
    proved = check(parse(data))
    assert proved.round == world.name
    assert proved.aggregator == world.keys[1]
    assert proved.attesters == (world.keys[2],)
    assert proved.proposer == world.keys[0]
    assert proved.parties == tuple(world.keys)
    assert proved.judgement.claim == world.aggregate.claim
    assert proved.judgement.point.value == 310
    assert abs(proved.judgement.expected - proved.judgement.actual) == 1


def test_without_some_commitments_it_is_as_false(file: ConvictionFile) -> None:
    shown = (None, *file.commitments[1:])
    assert len(check(parse(file._replace(commitments=shown).encode())).parties) == 3


def another() -> World:
    """A round of the same ledger with another lie."""
    other = lies.begun()
    lies.publish_altered(other, 5)
    other.attest(2, other.aggregate.claim)
    return other


def honest() -> World:
    """A round of the same ledger without a lie."""
    world = lies.begun()
    world.publish(1)
    world.attest(2)
    return world


FORGED: dict[str, Forge] = {
    "no call": lambda file, _: file._replace(calls=()),
    "two refutations": lambda file, _: file._replace(calls=file.calls * 2),
    "another publication": lambda file, other: file._replace(publication=other.publication),
    "an attestation as publication": lambda file, _: file._replace(publication=file.attestations[0]),
    "another attestation": lambda file, other: file._replace(attestations=other.attestations),
    "an attestation twice": lambda file, _: file._replace(attestations=file.attestations * 2),
    "a publication as attestation": lambda file, _: file._replace(attestations=(file.publication,)),
    "another proposal": lambda file, _: file._replace(proposal=file.publication),
    "a commitment less": lambda file, _: file._replace(commitments=file.commitments[1:]),
    "commitments exchanged": lambda file, _: file._replace(commitments=file.commitments[::-1]),
    "another salt": lambda file, _: file._replace(commitments=(salted(file.commitments[0]), *file.commitments[1:])),
    "a byte of the proof": lambda file, _: file._replace(calls=(bent(file.calls[0], 2000),)),
    "a byte of the aggregate": lambda file, _: file._replace(calls=(bent(file.calls[0], 4 + 64 + 5 * 32),)),
    "a signature": lambda file, _: file._replace(publication=resigned(file.publication)),
}


def salted(commitment: SignedCall | None) -> SignedCall:
    assert commitment is not None
    return commitment._replace(opening=commitment.opening[:32] + bytes(16))


def resigned(call: SignedCall) -> SignedCall:
    """A call whose signature is another: some other key's, or nobody's."""
    return call._replace(raw=bent(call.raw, -3))


def bent(data: bytes, at: int) -> bytes:
    """Bytes of which one is another."""
    copy = bytearray(data)
    copy[at] ^= 1
    return bytes(copy)


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_file_proves_nothing(file: ConvictionFile, forge: Forge) -> None:
    forged = forge(file, convicted(another()))
    with pytest.raises(Malformed):
        check(parse(forged.encode()))


def test_a_publication_that_claims_other_openings_proves_nothing(file: ConvictionFile) -> None:
    """Its aggregator signed the same aggregate, but not that of the updates that the refutation shows."""
    made = read(file.publication.raw)
    raw = transaction(_SECRETS[file.publication.key], made.to, bent(made.data, 4 + 3 * 32), made.chain, 0)
    with pytest.raises(Malformed, match="another claim than the refutation"):
        check(file._replace(publication=file.publication._replace(raw=raw)))


def test_a_proposal_of_another_document_proves_nothing(file: ConvictionFile) -> None:
    """Its proposer signed the same terms, for another job than the one that the claim names."""
    made = read(file.proposal.raw)
    raw = transaction(_SECRETS[file.proposal.key], made.to, bent(made.data, 4), made.chain, 0)
    with pytest.raises(Malformed, match="the proposal has another digest than the refutation"):
        check(file._replace(proposal=file.proposal._replace(raw=raw)))


def test_an_honest_aggregate_cannot_be_convicted(file: ConvictionFile) -> None:
    world = honest()
    facts, aggregate = world.facts, world.aggregate
    assert find_point(facts, aggregate, world.files.fetch) is None
    point = find_point(lies.wrong_value().facts, lies.wrong_value().aggregate, lies.wrong_value().files.fetch)
    assert point is not None
    calls = calls_of(accused_of(facts, aggregate), point, aggregate.claim, world.state.model.values)
    with pytest.raises(Malformed):
        check(conviction_of(facts, aggregate, calls, world.witness))


def test_terms_that_a_stranger_signed_convict_where_the_ledger_has_them_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An honest aggregate, with the claim that the ledger has: the file is right in itself, so its answer says what
    else must be the ledger's."""
    world = honest()
    facts, aggregate, stranger = world.facts, world.aggregate, Account.from_key(b"\x09" * 32)
    terms = replace(world.state.model, min_updates=200)
    data = call_data("ledger", "proposeJob", world.state.digest, astuple(world.state.terms), astuple(terms))
    call = {"to": facts.place.contract, "chainId": facts.place.chain, "data": data, "nonce": 0, "gas": 1, "gasPrice": 0}
    raw = bytes(stranger.sign_transaction(call | {"value": 0}).raw_transaction)
    calls = calls_of(accused_of(facts, aggregate), Point(Ground.TOO_FEW), aggregate.claim, terms.values)
    file = conviction_of(facts, aggregate, calls, world.witness)
    with pytest.raises(Holds):
        check(file)
    shown = ShownConviction.read(tmp_path, file._replace(proposal=SignedCall(stranger.address, raw)).encode(), None)
    assert (shown.facts["holds"], shown.facts["claim"]) == (True, aggregate.claim.hex())
    assert (shown.facts["proposer"], shown.facts["terms"]["min_updates"]) == (stranger.address, 200)
    shown.print()
    assert "and these terms of job 1, which no claim covers: " in capsys.readouterr().out


WRONG: dict[str, Callable[[Parts], Parts]] = {
    "another version": lambda parts: [b"conviction/2", *parts[1:]],
    "a part less": lambda parts: parts[:-1],
    "a part more": lambda parts: [*parts, b""],
    "a short key": lambda parts: [*parts[:2], [parts[2][0][:19], parts[2][1]], *parts[3:]],
    "a key alone": lambda parts: [*parts[:2], parts[2][:1], *parts[3:]],
    "a salt where none is": lambda parts: [*parts[:2], [*parts[2], b"S" * 48], *parts[3:]],
    "a text for a list": lambda parts: [*parts[:4], b"", *parts[5:]],
    "a list for a text": lambda parts: [parts[0], [[]], *parts[2:]],
    "a commitment without salt": lambda parts: [*parts[:5], [one[:2] for one in parts[5]]],
    "a commitment of no bytes": lambda parts: [*parts[:5], [[one[0], b"", one[2]] for one in parts[5]]],
    "no bytes for what is not shown": lambda parts: [*parts[:5], [b"", *parts[5][1:]]],
    "a salt of another length": lambda parts: [*parts[:5], [[*one[:2], b"S"] for one in parts[5]]],
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_file_of_another_form_is_refused(file: ConvictionFile, wrong: Callable[[Parts], Parts]) -> None:
    parts = rlp.decode(file.encode())
    assert isinstance(parts, list)
    with pytest.raises(Malformed):
        parse(rlp.encode(wrong(parts)))


def test_a_file_that_is_too_large_is_not_read(file: ConvictionFile) -> None:
    with pytest.raises(Malformed, match="too large"):
        parse(file.encode() + bytes(MAX_SIZE))
    with pytest.raises(Malformed, match="too large"):
        file._replace(calls=(bytes(MAX_SIZE),)).encode()


@settings(max_examples=2000)
@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    try:
        found = parse(data)
    except Malformed:
        return
    assert found.encode() == data


def test_no_bent_byte_is_taken(file: ConvictionFile) -> None:
    """But for `before`, which is no part of the claim: the contract finds the claim by it."""
    data, proved = file.encode(), check(file)
    random = np.random.default_rng(7)
    for at in random.choice(len(data), 1500, replace=False):
        try:
            found = check(parse(bent(data, int(at))))
        except Malformed:
            continue
        assert found.accused.before != proved.accused.before
        assert found._replace(accused=found.accused._replace(before=proved.accused.before)) == proved
    for end in random.choice(len(data), 300, replace=False):
        with pytest.raises(Malformed):
            parse(data[: int(end)])


def test_a_cut_file_is_named_with_a_way_out(file: ConvictionFile, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="not a conviction file: an item is cut") as caught:
        ShownConviction.read(tmp_path / "cut.rlp", file.encode()[:300], None)
    assert caught.value.facts["file"] == str(tmp_path / "cut.rlp")
    assert "as it was sent, whole" in caught.value.advice
