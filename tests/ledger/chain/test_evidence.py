"""Signed transactions, read strictly: one reading, one signer, one call; anything else is no evidence."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest
from eth_abi.abi import encode
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st
from support.made import Made
from support.worlds.chain import ADDRESSES, CHAIN, CONTRACT

from ledger.chain import rlp
from ledger.chain.evidence.check import check, false_if
from ledger.chain.evidence.fetch import AT_ONCE, ChainWitness, proof
from ledger.chain.evidence.statement import statements
from ledger.chain.evidence.transaction import read, rebuild
from ledger.chain.rpc import RpcError
from ledger.errors import Malformed, Unavailable
from ledger.events.actions import CloseJob, encode_action
from ledger.events.ballots import Choice
from ledger.events.contents import proposal_id, proposal_to_sign
from ledger.events.evidence import BlockName, Said, ShownClaim, ShownOpening, SignedStatement, Unproven, parse
from ledger.events.proposals import vote_to_sign
from ledger.formats.claims import Claimed, RoundName, UpdateOpening, claim_of, commitment
from ledger.formats.digest import keccak
from ledger.formats.signatures import ORDER

MEMBER, RELAY, OTHER = (Account.from_key(bytes([n]) * 32) for n in (1, 2, 3))
BALLOTS = ADDRESSES["ballots"]
ATTEST = "attest(uint32,uint32,uint8,uint8,bytes32,bytes32)"
VOTE = "(address,uint8,uint64,uint8,bytes32,bytes32)"
SAID = {"job": 1, "round": 2, "attempt": 1, "form": 0, "claim": "05" * 32, "detail": "06" * 32}


def call(signature: str, arguments: list[Any], types: list[str] | None = None) -> bytes:
    kinds = types or signature[signature.index("(") + 1 : -1].split(",")
    return keccak(signature.encode())[:4] + encode(kinds, arguments)


DATA = call(ATTEST, [1, 2, 1, 0, b"\x05" * 32, b"\x06" * 32])
FEES: dict[int, dict[str, Any]] = {
    0: {"gasPrice": 7},
    1: {"gasPrice": 7, "type": 1, "accessList": [{"address": CONTRACT, "storageKeys": ["0x" + "01" * 32]}]},
    2: {"maxFeePerGas": 9, "maxPriorityFeePerGas": 0, "type": 2},
}


def signed(data: bytes = DATA, kind: int = 2, signer: Any = MEMBER, **changes: Any) -> bytes:
    fields = {"nonce": 0, "gas": 90_000, "to": CONTRACT, "value": 0, "data": data, "chainId": CHAIN} | FEES[kind]
    return bytes(signer.sign_transaction(fields | changes).raw_transaction)


def said(**changes: Any) -> Said:
    return Said(MEMBER.address, "attest", SAID, keccak(signed()))._replace(**changes)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_call_that_sends_ether_has_failed_and_is_no_evidence(kind: int) -> None:
    with pytest.raises(Malformed, match="no contract of the ledger takes"):
        read(signed(kind=kind, value=1))


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_what_a_transaction_says_and_who_says_it(kind: int) -> None:
    (found,) = statements(signed(kind=kind), ADDRESSES, CHAIN)
    assert (found.signer, found.statement, found.arguments) == (MEMBER.address, "attest", SAID)
    assert (found.chain, found.contract, found.inner) == (CHAIN, CONTRACT, None)
    assert bytes.fromhex(found.raw[2:]) == signed(kind=kind)


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_a_transaction_is_rebuilt_from_what_nodes_show(kind: int) -> None:
    raw = signed(kind=kind)
    fields = rlp.decode(raw if kind == 0 else raw[1:])
    assert isinstance(fields, list)
    names = {
        0: ("nonce", "gasPrice", "gas", "to", "value", "input", "v", "r", "s"),
        1: ("chainId", "nonce", "gasPrice", "gas", "to", "value", "input", "accessList", "yParity", "r", "s"),
        2: (
            *("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas"),
            *("gas", "to", "value", "input", "accessList", "yParity", "r", "s"),
        ),
    }[kind]
    shown: dict[str, Any] = {"type": hex(kind)}
    for name, field in zip(names, fields, strict=True):
        if name == "accessList":
            shown[name] = FEES[kind].get("accessList", [])
        elif name in ("to", "input"):
            shown[name] = "0x" + field.hex()  # type: ignore[union-attr]
        else:
            shown[name] = hex(int.from_bytes(field))  # type: ignore[arg-type]
    assert rebuild(shown) == raw
    if kind:
        older = {("v" if name == "yParity" else name): value for name, value in shown.items()}
        assert rebuild(older) == raw
    with pytest.raises(Malformed):
        rebuild({**shown, "type": "0x3"})
    with pytest.raises(Malformed):
        rebuild({name: value for name, value in shown.items() if name != "r"})


def altered(change: Callable[[list[Any]], Any]) -> bytes:
    fields = rlp.decode(signed()[1:])
    assert isinstance(fields, list)
    change(fields)
    return b"\x02" + rlp.encode(fields)


def high(fields: list[Any]) -> None:
    fields[-1] = rlp.number(ORDER - int.from_bytes(fields[-1]))
    fields[-3] = b"" if fields[-3] else b"\x01"


REFUSED = {
    "nothing": b"",
    "text": b"\x05",
    "cut": signed()[:-1],
    "longer": signed() + b"\0",
    "another type": b"\x03" + signed()[1:],
    "a field more": altered(lambda fields: fields.append(b"")),
    "a zero in front of a number": altered(lambda fields: fields.__setitem__(1, b"\0")),
    "a high s": altered(high),
    "no r": altered(lambda fields: fields.__setitem__(-2, b"")),
    "r above the order": altered(lambda fields: fields.__setitem__(-2, b"\xff" * 32)),
    "a parity that is none": altered(lambda fields: fields.__setitem__(-3, b"\x02")),
    "a creation": altered(lambda fields: fields.__setitem__(5, b"")),
    "a list for the contract": altered(lambda fields: fields.__setitem__(5, [])),
    "no chain": bytes(MEMBER.unsafe_sign_hash(b"\1" * 32).signature),
    "another contract": signed(to=BALLOTS),
    "another chain": signed(chainId=1),
    "another function": signed(b"\1\2\3\4" + DATA[4:]),
    "a word cut": signed(DATA[:-1]),
    "dirty bits": signed(DATA[:4] + b"\1" + DATA[5:]),
    "no data": signed(b""),
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
def test_anything_else_is_no_evidence(raw: bytes) -> None:
    with pytest.raises(Malformed):
        statements(raw, ADDRESSES, CHAIN)


def test_a_legacy_transaction_without_a_chain_is_no_evidence() -> None:
    fields = rlp.decode(signed(kind=0))
    assert isinstance(fields, list)
    with pytest.raises(Malformed, match="not bound to a chain"):
        read(rlp.encode([*fields[:6], b"\x1b", *fields[7:]]))


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(raw: bytes) -> None:
    for prefix in (b"", b"\x01", b"\x02"):
        with pytest.raises(Malformed):
            statements(prefix + raw)


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_altered_bit_leaves_signer_and_statement_as_they_were(place: int, bit: int) -> None:
    raw = bytearray(signed())
    raw[place % len(raw)] ^= 1 << bit
    try:
        (found,) = statements(bytes(raw), ADDRESSES, CHAIN)
    except Malformed:
        return
    assert found.signer != MEMBER.address


Tree = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=4), max_leaves=12)


@given(Tree)
def test_every_item_has_one_encoding(item: Any) -> None:
    data = rlp.encode(item)
    try:
        assert rlp.decode(data) == item
    except ValueError as error:
        assert "too deep" in str(error)


@given(st.binary(max_size=80))
def test_what_can_be_read_is_the_encoding_of_what_was_read(data: bytes) -> None:
    try:
        item = rlp.decode(data)
    except ValueError:
        return
    assert rlp.encode(item) == data


def test_the_proof_is_the_statement_that_the_event_makes() -> None:
    assert proof(signed(), said(), CHAIN, ADDRESSES).signer == MEMBER.address
    for other in ({"signer": OTHER.address}, {"statement": "commitUpdate"}, {"arguments": SAID | {"attempt": 2}}):
        with pytest.raises(Unproven, match="something else"):
            proof(signed(), said(**other), CHAIN, ADDRESSES)


SHOWN = {"blockNumber": "0x3", "blockHash": "0x" + "ab" * 32}


class Node:
    """Answers with what it was given; an exception is raised."""

    def __init__(self, shown: Any, raw: Any) -> None:
        self.answers = {"eth_getTransactionByHash": shown, "eth_getRawTransactionByHash": raw}

    def call(self, method: str, *_: Any) -> Any:
        answer = self.answers[method]
        if isinstance(answer, Exception):
            raise answer
        return answer


def witness(shown: Any, raw: Any) -> SignedStatement:
    return ChainWitness(Node(shown, raw), CHAIN, ADDRESSES)(said())  # type: ignore[arg-type]


def test_a_node_that_shows_the_transaction_is_a_witness() -> None:
    found = witness(SHOWN, "0x" + signed().hex())
    assert found.signer == MEMBER.address
    assert found.block == BlockName(number=3, hash="0x" + "ab" * 32)
    assert witness({"blockNumber": None}, "0x" + signed().hex()).block is None


class Several:
    """Answers as `Node`, to several calls at once where it `batches`; `requests` counts what it was asked."""

    def __init__(self, shown: dict[str, str], *, batches: bool = True) -> None:
        self.shown, self.batches, self.requests = shown, batches, 0

    def call(self, method: str, name: str) -> Any:
        self.requests += 1
        return self._answer(method, name)

    def batch(self, calls: Iterable[tuple[str, str]]) -> list[Any]:
        self.requests += 1
        if not self.batches:
            raise Unavailable("one at a time")
        return [self._answer(*call) for call in calls]

    def _answer(self, method: str, name: str) -> Any:
        raw = self.shown.get(name)
        return raw if raw is None or method == "eth_getRawTransactionByHash" else SHOWN


SIGNED = [signed(nonce=nonce) for nonce in range(AT_ONCE + 5)]
NAMES = {"0x" + keccak(raw).hex(): "0x" + raw.hex() for raw in SIGNED}


def seen(node: Several, threads: int = 1) -> list[str]:
    """What a witness that expects them shows of all the transactions, but for one that the node lacks."""
    ask = ChainWitness(node, CHAIN, ADDRESSES, map(keccak, SIGNED), threads)  # type: ignore[arg-type]
    found = [ask(said()._replace(tx=keccak(raw))) for raw in SIGNED[:-1]]
    with pytest.raises(Unproven, match="no such"):
        ask(said()._replace(tx=keccak(SIGNED[-1])))
    return [one.raw for one in found]


@pytest.mark.parametrize("threads", [1, 3])
def test_what_is_expected_comes_many_at_a_time(threads: int) -> None:
    node = Several({name: raw for name, raw in NAMES.items() if raw != "0x" + SIGNED[-1].hex()})
    assert seen(node, threads) == ["0x" + raw.hex() for raw in SIGNED[:-1]]
    assert node.requests == 2


def test_a_node_that_answers_one_call_at_a_time_is_asked_so() -> None:
    node = Several({name: raw for name, raw in NAMES.items() if raw != "0x" + SIGNED[-1].hex()}, batches=False)
    assert seen(node) == ["0x" + raw.hex() for raw in SIGNED[:-1]]
    assert node.requests == 1 + 2 * len(SIGNED)


NO = RpcError("eth_getRawTransactionByHash", -32601, "no such method")
USELESS: dict[str, tuple[Any, Any]] = {
    "nothing": (None, None),
    "not a transaction": ([], "0x" + signed().hex()),
    "no raw one, and not all of it": (SHOWN, NO),
    "another one": (SHOWN, "0x" + signed(kind=0).hex()),
    "no hexadecimal": (SHOWN, "0xzz"),
    "no block": ({"blockNumber": "x", "blockHash": "y"}, "0x" + signed().hex()),
    "a refusal": (NO, NO),
    "a negative number": ({**SHOWN, "type": "0x0", "nonce": "-0x1"}, NO),
    "fields that are none": ({**SHOWN, "type": 2, "accessList": [1]}, NO),
}


@pytest.mark.parametrize("name", USELESS)
def test_a_node_that_does_not_show_it_is_none(name: str) -> None:
    with pytest.raises(Unproven):
        witness(*USELESS[name])


ACTION = CloseJob(4)
KIND, ENCODED = encode_action(ACTION)
PROPOSAL = proposal_id(OTHER.address, 3, KIND, ENCODED)
MADE = Made(OTHER.address, 3, KIND, ACTION)


def ballot(signer: Any, choice: Choice, **changes: Any) -> tuple[Any, ...]:
    deadline = 99
    member = changes.pop("member", signer.address)
    parts = vote_to_sign(CHAIN, BALLOTS, MADE, member, choice, deadline)
    made = signer.sign_typed_data(*parts)
    r, s = (value.to_bytes(32, "big") for value in (made.r, made.s))
    return member, changes.get("said", int(choice)), deadline, made.v, r, s


def test_a_relayed_vote_is_said_by_the_member_that_signed_it() -> None:
    data = call(
        f"voteBySignature(bytes32,uint8,{VOTE})",
        [PROPOSAL, KIND, ballot(MEMBER, Choice.AGAINST)],
        ["bytes32", "uint8", VOTE],
    )
    (found,) = statements(signed(data, signer=RELAY, to=BALLOTS), ADDRESSES, CHAIN)
    said_so = Said(MEMBER.address, "vote", {"proposal": PROPOSAL.hex(), "choice": 2}, b"")
    assert proof(bytes.fromhex(found.raw[2:]), said_so, CHAIN, ADDRESSES) == found
    with pytest.raises(Unproven):
        proof(bytes.fromhex(found.raw[2:]), said_so._replace(signer=RELAY.address), CHAIN, ADDRESSES)
    assert found.signer == MEMBER.address
    assert found.inner is not None
    assert found.arguments["signed"]["choice"] == Choice.AGAINST
    check(found)


def test_of_a_batch_each_vote_counts_for_its_signer_and_a_false_one_for_nobody() -> None:
    false = ballot(RELAY, Choice.FOR, member=OTHER.address)
    turned = ballot(MEMBER, Choice.AGAINST, said=1)
    votes = [ballot(MEMBER, Choice.FOR), false, turned, ballot(OTHER, Choice.ABSTAIN)]
    data = batch(KIND, votes)
    found = statements(signed(data, signer=RELAY, to=BALLOTS), ADDRESSES, CHAIN)
    assert [one.signer for one in found] == [MEMBER.address, OTHER.address]
    data = batch(KIND, [false])
    with pytest.raises(Malformed, match="signed by the member"):
        statements(signed(data, signer=RELAY, to=BALLOTS), ADDRESSES, CHAIN)


@pytest.mark.parametrize("kind", [0, KIND - 1, KIND + 1])
def test_a_vote_is_on_a_proposal_of_the_kind_that_its_member_was_shown(kind: int) -> None:
    data = batch(kind, [ballot(MEMBER, Choice.FOR)])
    with pytest.raises(Malformed, match="signed by the member"):
        statements(signed(data, signer=RELAY, to=BALLOTS), ADDRESSES, CHAIN)


def batch(kind: int, votes: list[Any]) -> bytes:
    return call(f"voteBatch(bytes32,uint8,{VOTE}[])", [PROPOSAL, kind, votes], ["bytes32", "uint8", VOTE + "[]"])


def test_a_relayed_proposal_is_said_by_the_member_that_signed_it() -> None:
    action, nonce, deadline = CloseJob(4), 5, 99
    kind, encoded = encode_action(action)
    made = MEMBER.sign_typed_data(*proposal_to_sign(CHAIN, BALLOTS, nonce, MEMBER.address, action, deadline))
    r, s = (value.to_bytes(32, "big") for value in (made.r, made.s))
    struct = "(uint32,address,uint64,uint8,bytes32,bytes32)"
    arguments = [kind, encoded, (nonce, MEMBER.address, deadline, made.v, r, s)]
    data = call(f"proposeBySignature(uint8,bytes,{struct})", arguments, ["uint8", "bytes", struct])
    (found,) = statements(signed(data, signer=RELAY, to=BALLOTS), ADDRESSES, CHAIN)
    assert (found.signer, found.arguments["signed"]["nonce"]) == (MEMBER.address, nonce)


MODEL = ("01" * 32, 610, 0, 0, 2, 1000, 1 << 20, 1 << 28, True)
MODEL_NAMES = (
    *("initial", "values", "rule", "trim", "min_updates", "max_weight", "max_value", "max_norm", "by_value"),
)
TERMS = (5, 60, 10, 60, 60, 3, 0, 0, 0, 0)
TERMS_NAMES = (
    *("rounds", "update_seconds", "open_seconds", "aggregate_seconds", "attest_seconds", "attempts"),
    *("score_seconds", "reveal_seconds", "scorers", "buffer"),
)
TERMS_TYPE = "(uint32,uint32,uint32,uint32,uint32,uint8,uint32,uint32,uint8,uint8)"
MODEL_TYPE = "(bytes32,uint64,uint8,uint8,uint32,uint32,uint32,uint64,bool)"
AGGREGATE_TYPE = "(bytes32,bytes32,bytes32,uint40,bytes32,bytes32,bytes32,bytes32,bytes)"
CLAIMED = Claimed(
    b"\1" * 32, b"\2" * 32, b"\3" * 32, 1203, b"\4" * 32, b"\5" * 32, b"\6" * 32, b"\7" * 32, b"\0\0\0\x09"
)
PUBLISHED = {name: part.hex() if isinstance(part, bytes) else part for name, part in CLAIMED._asdict().items()}
OPENED_BEFORE = b"\x0a" * 32
CLAIM_SHOWN = PUBLISHED | {"opened": OPENED_BEFORE.hex()}
PLACE = RoundName(CHAIN, CONTRACT, 1, 2)
CLAIM = claim_of(PLACE, OPENED_BEFORE, CLAIMED)
OPENING = UpdateOpening(MEMBER.address, 569, b"\1" * 32, b"\2" * 32, b"\3" * 16)
OPENED = ShownOpening(569, "01" * 32, "02" * 32, "03" * 16)
IN_ROUND = {"job": 1, "round": 2}


def publication() -> bytes:
    types = ["uint32", "uint32", AGGREGATE_TYPE, "bytes32"]
    return call(f"publishAggregate({','.join(types)})", [1, 2, tuple(CLAIMED), CLAIM], types)


STATEMENTS: dict[str, tuple[bytes, str, dict[str, Any]]] = {
    "proposeJob": (
        call(
            f"proposeJob(bytes32,{TERMS_TYPE},{MODEL_TYPE})",
            [b"\x07" * 32, TERMS, (bytes.fromhex(MODEL[0]), *MODEL[1:])],
            ["bytes32", TERMS_TYPE, MODEL_TYPE],
        ),
        CONTRACT,
        {
            "digest": "07" * 32,
            "terms": dict(zip(TERMS_NAMES, TERMS, strict=True)),
            "model": dict(zip(MODEL_NAMES, MODEL, strict=True)),
        },
    ),
    "openRound": (call("openRound(uint32)", [1]), CONTRACT, {"job": 1}),
    "commitUpdate": (
        call("commitUpdate(uint32,uint32,bytes28)", [1, 2, commitment(PLACE, OPENING)]),
        CONTRACT,
        IN_ROUND | {"commitment": commitment(PLACE, OPENING).hex()},
    ),
    "publishAggregate": (publication(), CONTRACT, IN_ROUND | {"aggregate": PUBLISHED, "claim": CLAIM.hex()}),
    "attest": (DATA, CONTRACT, SAID),
    "commitScores": (
        call("commitScores(uint32,uint32,bytes32)", [1, 2, b"\x08" * 32]),
        ADDRESSES["scores"],
        IN_ROUND | {"commitment": "08" * 32},
    ),
    "revealScores": (
        call("revealScores(uint32,uint32,bytes32,bytes)", [1, 2, b"\x08" * 32, b"\0\0\0\5"]),
        ADDRESSES["scores"],
        IN_ROUND | {"salt": "08" * 32, "scores": "00000005"},
    ),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_each_statement_of_a_party_is_read_with_its_arguments(name: str) -> None:
    data, to, arguments = STATEMENTS[name]
    (found,) = statements(signed(data, to=to), ADDRESSES, CHAIN)
    assert (found.statement, found.signer, found.arguments) == (name, MEMBER.address, arguments)
    check(found, ADDRESSES, CHAIN)
    assert false_if(found)


def moved(at: int, word: int) -> bytes:
    """The publication with another number in one of its words."""
    data = publication()
    return data[: 4 + 32 * at] + word.to_bytes(32) + data[4 + 32 * (at + 1) :]


SECOND_FORMS = {
    "the tuple elsewhere": moved(2, 160)[: 4 + 32 * 4] + bytes(32) + publication()[4 + 32 * 4 :],
    "the verdicts elsewhere": moved(12, 320)[: 4 + 32 * 13] + bytes(32) + publication()[4 + 32 * 13 :],
    "padding that is not zero": publication()[:-1] + b"\1",
    "padding cut": publication()[:-28],
    "a word more": publication() + bytes(32),
}
REVERTED = {
    "a block with dirty bits": moved(7, (1 << 200) + 1203),
    "verdicts that end beyond the data": moved(13, 64),
    "a tuple that begins beyond the data": moved(2, 1 << 64),
}


@pytest.mark.parametrize("data", SECOND_FORMS.values(), ids=SECOND_FORMS)
def test_what_the_contract_decodes_was_said_in_whatever_words(data: bytes) -> None:
    (found,) = statements(signed(data), ADDRESSES, CHAIN)
    (plain,) = statements(signed(publication()), ADDRESSES, CHAIN)
    assert found == msgspec.structs.replace(plain, raw=found.raw)


@pytest.mark.parametrize("data", REVERTED.values(), ids=REVERTED)
def test_what_the_contract_reverts_nobody_said(data: bytes) -> None:
    with pytest.raises(Malformed, match="does not take"):
        statements(signed(data), ADDRESSES, CHAIN)


def committed(**changes: Any) -> SignedStatement:
    data, to, _ = STATEMENTS["commitUpdate"]
    (found,) = statements(signed(data, to=to), ADDRESSES, CHAIN)
    return msgspec.structs.replace(found, **{"opening": OPENED} | changes)


def published(**changes: Any) -> SignedStatement:
    (found,) = statements(signed(publication()), ADDRESSES, CHAIN)
    return msgspec.structs.replace(found, **{"claim": ShownClaim(**CLAIM_SHOWN)} | changes)


def agreed(**changes: Any) -> SignedStatement:
    data = call(ATTEST, [1, 2, 1, 0, CLAIM, b"\x06" * 32])
    (found,) = statements(signed(data), ADDRESSES, CHAIN)
    return msgspec.structs.replace(found, **{"claim": ShownClaim(**CLAIM_SHOWN)} | changes)


def test_what_a_statement_is_the_hash_of_is_checked_with_it() -> None:
    for made in (committed(), published(), agreed()):
        (read_back,) = parse(made.encode())
        check(read_back, ADDRESSES, CHAIN)


@pytest.mark.parametrize(
    "made",
    [
        committed(opening=msgspec.structs.replace(OPENED, weight=570)),
        committed(opening=msgspec.structs.replace(OPENED, salt="04" * 16)),
        agreed(claim=ShownClaim(**CLAIM_SHOWN | {"head": "07" * 32})),
        agreed(claim=ShownClaim(**CLAIM_SHOWN | {"opened": "07" * 32})),
        agreed(claim=ShownClaim(**CLAIM_SHOWN | {"verdicts": "00000000"})),
        published(claim=ShownClaim(**CLAIM_SHOWN | {"opened": "07" * 32})),
        agreed(claim=None, opening=OPENED),
        committed(opening=None, claim=ShownClaim(**CLAIM_SHOWN)),
    ],
    ids=["weight", "salt", "head", "opened", "verdicts", "published", "an opening of a claim", "a claim of an opening"],
)
def test_another_preimage_than_what_was_signed_proves_nothing(made: SignedStatement) -> None:
    with pytest.raises(Unproven, match="is not what its"):
        check(made)


@pytest.mark.parametrize("changes", [{"root": "01"}, {"root": "zz"}, {"weight": 1 << 32}, {"weight": -1}])
def test_a_preimage_with_parts_of_another_form_is_malformed(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        check(committed(opening=msgspec.structs.replace(OPENED, **changes)))


def evidence() -> SignedStatement:
    (found,) = statements(signed())
    return msgspec.structs.replace(found, block=BlockName(number=3, hash="0x" + "ab" * 32))


def test_a_file_of_evidence_is_checked_without_a_node() -> None:
    (read_back,) = parse(evidence().encode())
    check(read_back)
    check(read_back, ADDRESSES, CHAIN)
    assert "round 2 of job 1" in false_if(read_back)


CHANGED: dict[str, dict[str, Any]] = {
    "signer": {"signer": OTHER.address},
    "arguments": {"arguments": SAID | {"claim": "07" * 32}},
    "statement": {"statement": "commitUpdate"},
    "chain": {"chain": 1},
    "contract": {"contract": BALLOTS},
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_file_that_says_something_else_than_its_transaction_proves_nothing(name: str) -> None:
    with pytest.raises(Unproven, match=f"another {name} than the evidence"):
        check(msgspec.structs.replace(evidence(), **CHANGED[name]))


def test_a_file_of_another_network_proves_nothing_there() -> None:
    with pytest.raises(Malformed, match="another contract"):
        check(evidence(), ADDRESSES | {"ledger": BALLOTS}, CHAIN)
    with pytest.raises(Malformed, match="another chain"):
        check(evidence(), ADDRESSES, 1)
    with pytest.raises(Malformed):
        check(msgspec.structs.replace(evidence(), raw="0xzz"))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"fedledger":"report/1"}', b'{"fedledger":"evidence/1"}', b"\xff"]
)
def test_what_is_not_a_file_of_evidence_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed, match="not a file of evidence"):
        parse(data)
