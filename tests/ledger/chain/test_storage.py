"""The contracts' storage, word by word: where the compiler says it is, and proved against a block's hash."""

from collections.abc import Callable
from typing import Any

import pytest
from support.consortia.statements import MODEL_TERMS, RoundOnChain

from demo.lying_node import lying
from ledger.chain.build import SOLIDITY_NAMES
from ledger.chain.client import Client
from ledger.chain.headers import state_root
from ledger.chain.proofs.account import FalseProof
from ledger.chain.proofs.slots import slot
from ledger.chain.proofs.storage import Keeper, proved
from ledger.config import Network
from ledger.errors import Unavailable, UsageError
from ledger.events.records import Role
from ledger.formats.claims import pack_scores, scores_commitment
from ledger.history.fold import History
from ledger.history.foundation import foundation_of
from ledger.history.scorings import settlement

VERDICTS, WORD = bytes([0, 0, 7, 0]), b"S" * 32
EVERY_ROLE = Role.PARTICIPANT | Role.AGGREGATOR | Role.SCORER
ROUND_1 = (1, 1)
SCORED = (1, 600, 600, 600, 600, 2, 300, 200, 2)

Edit = Callable[[dict[str, Any]], Any]


def kept(consortium: Any) -> Callable[[Keeper], Any]:
    """Reads one word of each kind, of those that say something and of those that do not."""

    def read(keeper: Keeper) -> Any:
        keys = [*(member.address for member in consortium.members), "0x" + "12" * 20]
        return (
            [keeper.code_hash(name) for name in SOLIDITY_NAMES],
            [(keeper.model(job, round_), keeper.claim_after(job, round_ - 1)) for job in (1, 2) for round_ in (1, 2)],
            [keeper.commitment(1, key) for key in keys],
            [keeper.strikes(1, index) for index in range(5)],
            [keeper.scores_root(job, round_) for job in (1, 2) for round_ in (1, 2)],
            [(keeper.conviction(job), keeper.voids(job)) for job in (1, 2)],
        )

    return read


def both(consortium: Any) -> tuple[Any, Any]:
    """The words as proved and as told, after the latest block."""
    block, read = consortium.client.latest(), kept(consortium)
    return proved(consortium.client, block.number, block.hash, read), read(consortium.client.as_of(block.number))


@pytest.fixture
def scored(found: Any) -> Any:
    """A consortium of scorers with a job that makes scores."""
    consortium = found(roles=EVERY_ROLE)
    consortium.open_job(SCORED)
    return consortium


def final(consortium: Any) -> RoundOnChain:
    """Round 1, whose first attempt the members refuted."""
    said = RoundOnChain(consortium).open(1).commit(0, 1, 2, 3).show()
    said.publish(1, MODEL_TERMS[0], VERDICTS, root=b"F" * 32)
    for member in (2, 3):
        said.agree(member, b"O" * 32, form=1)
    claim = said.publish(0, MODEL_TERMS[0], VERDICTS)
    for member in (1, 2):
        said.agree(member, claim, attempt=2)
    return said


def score(consortium: Any, said: RoundOnChain) -> None:
    """From opening the scoring to its end."""
    assert said.said is not None
    consortium.send(0, "scores", "openScoring", *ROUND_1, said.opened, tuple(said.said))
    board, scores = consortium.network.contracts.scores.address, (5, -7, 3)
    for index in (0, 1):
        key = consortium.members[index].address
        digest = scores_commitment(31337, board, *ROUND_1, key, WORD, scores)
        consortium.send(index, "scores", "commitScores", *ROUND_1, digest)
    consortium.pass_time(301)
    for index in (0, 1):
        consortium.send(index, "scores", "revealScores", *ROUND_1, WORD, pack_scores(scores))
    told, words = both(consortium)
    assert told == words and words[4][0] == bytes(32)
    logs = consortium.client.read(consortium.network.founding.block, consortium.client.latest().number)
    history = History(foundation_of(consortium.network), (event for some in logs for event in some.events))
    consortium.send(3, "scores", "settleScores", *ROUND_1, *settlement(history.jobs[1].scorings[1]))


def test_what_is_proved_is_what_the_views_say(scored: Any) -> None:
    """At each stage, and still so for a block of the past."""
    stages = [scored.client.latest()]
    words = [both(scored)]
    said = final(scored)
    words.append(both(scored))
    score(scored, said)
    words.append(both(scored))
    for proof, told in words:
        assert proof == told
    codes, models, commitments, strikes, roots, _ = words[-1][0]
    pinned = [getattr(scored.network.contracts, name).code_hash for name in SOLIDITY_NAMES]
    assert ["0x" + code.hex() for code in codes] == pinned
    assert [any(model) and any(claim) for model, claim in models] == [True, False, False, False]
    assert [number for _, number in commitments] == [1, 1, 1, 1, 0]
    assert (strikes, [any(root) for root in roots]) == ([0, 1, 0, 0, 0], [True, False, False, False])
    before = proved(scored.client, stages[0].number, stages[0].hash, kept(scored))
    assert before == words[0][0] != words[-1][0]


def test_each_kind_of_variable_is_where_the_compiler_says(scored: Any) -> None:
    said = final(scored)
    key, job = scored.members[2].address, ("_jobs", 1)
    client, model = scored.client, scored.client.model(*ROUND_1)
    commitment, number = client.commitment(1, key)
    places: list[tuple[Any, bytes]] = [
        (("ledger", "_jobCount"), client.jobs().to_bytes(4)),
        (("ledger", *job, "models", 1), model),
        (("ledger", *job, "claims", 0), client.claim_after(1, 0)),
        (("ledger", *job, "parties", key, "commitment"), commitment),
        (("ledger", *job, "parties", key, "index"), b"\x02"),
        (("ledger", *job, "parties", key, "round"), number.to_bytes(3)),
        (("ledger", *job, "strikes", 1), b"\x01"),
        (("ledger", *job, "round", "round"), said.number.to_bytes(3)),
        (("ledger", *job, "model", "initial"), MODEL_TERMS[0]),
        (("consortium", "_census", "members"), b"\x04"),
    ]
    for path, expected in places:
        place = slot(*path)
        word = client.rpc.call("eth_getStorageAt", client.addresses[path[0]], hex(place.number), "latest")
        assert place.of(bytes.fromhex(word[2:])) == expected, path


@pytest.mark.parametrize(
    "path", [("_jobs",), ("_jobs", 1), ("_nothing",), ("_jobs", "one"), ("_jobs", 1, "models", -1), (1,), ()]
)
def test_what_is_not_a_word_has_no_slot(path: tuple[str | int, ...]) -> None:
    with pytest.raises(UsageError):
        slot("ledger", *path)


def at(network: Network, url: str) -> Client:
    from msgspec.structs import replace

    return Client.connect(replace(network, chain=replace(network.chain, rpc=url)))


def read_through(consortium: Any, method: str, edit: Edit) -> Any:
    """What is proved by a node that answers that method otherwise."""

    def forge(asked: dict[str, Any], result: Any) -> Any:
        return edit(result) if asked["method"] == method else result

    block = consortium.client.latest()
    with lying(consortium.network.chain.rpc, list, forge=forge) as url, at(consortium.network, url) as client:
        return proved(client, block.number, block.hash, kept(consortium))


def with_word(result: dict[str, Any], **other: Any) -> Any:
    """The answer with another first word, where it has any."""
    if not result["storageProof"]:
        return result
    return result | {"storageProof": [result["storageProof"][0] | other, *result["storageProof"][1:]]}


def swapped(result: dict[str, Any]) -> Any:
    """With the words of two keys in each other's place."""
    words = result["storageProof"]
    if len(words) < 2:
        return result
    proofs = [one | {"proof": other["proof"]} for one, other in zip(words, reversed(words), strict=True)]
    return result | {"storageProof": proofs}


LIES: dict[str, Edit] = {
    "another word": lambda result: with_word(result, value="0x77"),
    "no proof of a word": lambda result: with_word(result, proof=[]),
    "another key": lambda result: with_word(result, key="0x77"),
    "words of other keys": swapped,
    "words left out": lambda result: result | {"storageProof": result["storageProof"][1:]},
    "another code": lambda result: result | {"codeHash": "0x" + "77" * 32},
    "no account": lambda result: result | {"accountProof": []},
    "another node": lambda result: result | {"accountProof": ["0x" + "77" * 40, *result["accountProof"][1:]]},
    "a large node": lambda result: result | {"accountProof": ["0x" + "77" * 4000]},
    "many nodes": lambda result: result | {"accountProof": result["accountProof"] * 99},
    "not bytes": lambda result: result | {"accountProof": ["text"]},
    "not a list": lambda result: result | {"accountProof": 7},
    "not a number": lambda result: with_word(result, value=None),
    "not an account": lambda result: [],
    "nothing": lambda result: None,
}


def test_false_proofs_are_told_apart_from_none(scored: Any) -> None:
    final(scored)
    for name, edit in LIES.items():
        with pytest.raises(FalseProof) as caught:
            read_through(scored, "eth_getProof", edit)
        assert caught.value.exit_code == 3, name


def test_what_views_say_does_not_matter_where_there_are_proofs(scored: Any) -> None:
    final(scored)
    assert read_through(scored, "eth_call", lambda result: "0x" + "77" * 32) == both(scored)[0]


@pytest.mark.parametrize("lie", [{"extraData": "0x77"}, {"stateRoot": "0x" + "77" * 32}])
def test_a_node_with_a_header_that_does_not_hash_to_its_hash_lies(consortium: Any, lie: dict[str, str]) -> None:
    with pytest.raises(Unavailable, match="does not hash to its hash"):
        read_through(consortium, "eth_getBlockByNumber", lambda result: result and result | lie)


def test_a_header_of_a_form_that_is_not_known_proves_nothing(consortium: Any) -> None:
    """Those of forks and chains that are not known here are such."""
    unknown = {"gasLimit": "text"}
    assert read_through(consortium, "eth_getBlockByNumber", lambda result: result and result | unknown) is None


def test_a_node_without_proofs_proves_nothing(consortium: Any) -> None:
    block = consortium.client.latest()
    with (
        lying(consortium.network.chain.rpc, list, refuse=("eth_getProof",)) as url,
        at(consortium.network, url) as client,
    ):
        assert proved(client, block.number, block.hash, kept(consortium)) is None
        assert proved(client, block.number + 9, block.hash, kept(consortium)) is None


def test_a_header_of_another_chain_hashes_to_its_hash() -> None:
    """Block 1 of Ethereum's main chain: no base fee yet, and a seal."""
    empty = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
    header = {
        "hash": "0x88e96d4537bea4d9c05d12549907b32561d3bf31f45aae734cdc119f13406cb6",
        "parentHash": "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
        "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
        "miner": "0x05a56e2d52c817161883f50c441c3228cfe54d9f",
        "stateRoot": "0xd67e4d450343046425ae4271474353857ab860dbc0a1dde64b41b5cd3a532bf3",
        **dict.fromkeys(("transactionsRoot", "receiptsRoot"), empty),
        "logsBloom": "0x" + "00" * 256,
        "difficulty": "0x3ff800000",
        "number": "0x1",
        "gasLimit": "0x1388",
        "gasUsed": "0x0",
        "timestamp": "0x55ba4224",
        "extraData": "0x476574682f76312e302e302f6c696e75782f676f312e342e32",
        "mixHash": "0x969b900de27b6ac6a67742365dd65f55a0526c41fd18e1b16f1a1215c2e66f59",
        "nonce": "0x539bd4979fef1ec4",
    }
    hash_ = bytes.fromhex("88e96d4537bea4d9c05d12549907b32561d3bf31f45aae734cdc119f13406cb6")
    assert state_root(header, hash_) == bytes.fromhex(header["stateRoot"][2:])
    assert state_root(header | {"number": "0x2"}, hash_) is None
    for other in (None, [], {}, header | {"miner": 7}):
        assert state_root(other, hash_) is None
