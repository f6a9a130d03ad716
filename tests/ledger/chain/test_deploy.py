"""What is deployed is what the network file pins, and what the source compiles to."""

import re
from pathlib import Path

import msgspec
import pytest
import rlp

from ledger.chain import compile, source_check
from ledger.chain.build import IMMUTABLES, SOLIDITY_NAMES, committed, expected_code, runtime_code
from ledger.chain.client import Client
from ledger.chain.consortium_file import DEFAULT_RULES, Founder, check_founders, check_rules, load_consortium
from ledger.chain.deploy import created_address, deploy
from ledger.chain.source_check import SourceStatus, check_source, compiler_dir, sources
from ledger.config import Chain, load_network
from ledger.errors import Malformed, UsageError
from ledger.events.records import Role, Rules
from ledger.formats.digest import checksum_address, keccak
from ledger.keys import ephemeral

ROOT = Path(__file__).resolve().parents[3]
KEYS = ["0x" + str(n) * 40 for n in range(1, 10)]
FILE = """
fedledger = "consortium/1"
name = "Three hospitals"
[[members]]
name = "North"
key = "{}"
roles = ["participant", "aggregator"]
[[members]]
name = "South"
key = "{}"
roles = ["participant", "scorer"]
[[members]]
name = "West"
key = "{}"
roles = ["aggregator"]
"""

compiler = pytest.mark.skipif(
    not (ROOT / "node_modules" / "solc").is_dir(), reason="the Solidity compiler is absent: run npm ci"
)


def founders(*changes):
    made = [Founder(f"member {n}", KEYS[n], Role.PARTICIPANT) for n in range(4)]
    for place, fields in changes:
        made[place] = msgspec.structs.replace(made[place], **fields)
    return made


def test_the_network_file_pins_what_stands_there(found):
    consortium = found(members=3)
    network, client = consortium.network, consortium.client
    for name in SOLIDITY_NAMES:
        contract = getattr(network.contracts, name)
        code = client.code(contract.address)
        assert contract.code_hash == "0x" + keccak(code).hex()
        assert code == expected_code(name, client.addresses)
    assert [founder.name for founder in network.founding.members] == ["member 0", "member 1", "member 2"]
    for name, others in IMMUTABLES.items():
        for other in others:
            assert client.view(name, other) == [getattr(network.contracts, other).address]
    block = client.block(network.founding.block)
    assert block is not None
    assert client.rpc.call("eth_getCode", network.contracts.consortium.address, hex(block.number - 1)) == "0x"


def test_roles_and_order_are_the_files(found):
    roles = [Role.PARTICIPANT, Role.AGGREGATOR, Role.SCORER | Role.PARTICIPANT]
    consortium = found(members=3, roles=roles)
    for index, member in enumerate(consortium.members):
        membership = consortium.client.membership(member.address)
        assert (membership.index, membership.roles) == (index, roles[index])


def test_the_deployer_gets_no_rights(consortium):
    payer = ephemeral()
    assert consortium.client.membership(payer.address) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([(0, {"key": KEYS[1]})], "same key"),
        ([(0, {"name": "member 1"})], "same name"),
        ([(0, {"name": "member 7"})], "another member's number"),
        ([(0, {"name": "m\u0435mber 7"})], "another member's number"),
        ([(0, {"name": "North, South"})], "a comma"),
        ([(0, {"name": "\u2800"})], "shows nothing"),
        ([(0, {"name": "memb\u0435r 1"})], "look the same"),
        ([(0, {"key": "0x12"})], "not an address"),
        ([(0, {"key": "0x733Da32CDfaAee76E40059C87bAC5132c4f98d2a"})], "mistyped"),
        ([(0, {"roles": Role(0)})], "no role"),
    ],
)
def test_founders_that_cannot_be(changes, words):
    with pytest.raises(UsageError, match=words):
        check_founders(founders(*changes))


@pytest.mark.parametrize("count", [0, 2, 256])
def test_a_consortium_has_3_to_255_members(count):
    with pytest.raises(UsageError, match="so many or so few") as caught:
        check_founders([Founder(str(n), f"0x{n + 1:040x}", Role.PARTICIPANT) for n in range(count)])
    assert caught.value.facts["actual"] == count
    assert "[[members]]" in caught.value.advice


def test_the_largest_consortium_fits_a_block(anvil, tmp_path):
    everyone = [Founder(str(n), f"0x{n + 1:040x}", Role.PARTICIPANT) for n in range(255)]
    network = deploy(Chain(id=31337, rpc=anvil.url), ephemeral(), "large", everyone, tmp_path)
    assert len(network.founding.members) == 255


def test_another_chain_is_not_deployed_to(anvil, tmp_path):
    with pytest.raises(UsageError, match="another chain") as caught:
        deploy(Chain(id=7, rpc=anvil.url), ephemeral(), "test", founders(), tmp_path)
    assert (caught.value.facts["expected"], caught.value.facts["actual"]) == (7, 31337)


def test_the_consortium_file(tmp_path):
    path = tmp_path / "consortium.toml"
    path.write_text(FILE.format(*KEYS))
    consortium = load_consortium(path)
    assert (consortium.name, len(consortium.members)) == ("Three hospitals", 3)
    assert consortium.founders()[1] == Founder("South", KEYS[1], Role.PARTICIPANT | Role.SCORER)


@pytest.mark.parametrize(
    ("old", "new"),
    [("consortium/1", "consortium/2"), ("scorer", "owner"), ("West", "West\nage = 3"), ('name = "North"', "")],
)
def test_a_consortium_file_that_is_none(tmp_path, old, new):
    path = tmp_path / "consortium.toml"
    path.write_text(FILE.format(*KEYS).replace(old, new))
    with pytest.raises(Malformed):
        load_consortium(path)


@compiler
def test_the_code_on_chain_is_this_source_compiled(consortium):
    assert (sources(), compiler_dir()) == (ROOT / "contracts", ROOT / "tools" / "solc")
    result = check_source(consortium.client)
    assert (result.status, result.expected) == (SourceStatus.SAME, result.actual)
    assert result.actual["ledger"] == consortium.network.contracts.ledger.code_hash


def test_code_that_is_not_the_source_compiled_is_different(consortium, monkeypatch):
    """The compiler's answer is the committed build, but for one byte of the second contract."""
    builds = {name: committed(key) for key, name in SOLIDITY_NAMES.items()}
    monkeypatch.setattr(compile, "compile_contracts", lambda *_: builds)
    assert check_source(consortium.client, ROOT).status is SourceStatus.SAME
    code = builds["RoundLedger"].deployed_bytecode
    changed = code[:-1] + ("0" if code[-1] != "0" else "1")
    builds["RoundLedger"] = msgspec.structs.replace(builds["RoundLedger"], deployed_bytecode=changed)
    result = check_source(consortium.client, ROOT)
    assert result.status is SourceStatus.DIFFERENT
    assert result.expected["consortium"] == result.actual["consortium"]
    assert result.expected["ledger"] != result.actual["ledger"]


def test_without_a_compiler_or_sources_nothing_was_checked(consortium, tmp_path, monkeypatch):
    result = check_source(consortium.client, ROOT / "contracts", tmp_path)
    assert (result.status, result.actual) == (SourceStatus.UNCHECKED, {})
    assert "compiler" in result.reason
    monkeypatch.setattr(source_check, "__file__", str(tmp_path / "ledger" / "chain" / "source_check.py"))
    result = check_source(consortium.client)
    assert result.status is SourceStatus.UNCHECKED
    assert "sources are not installed" in result.reason


def test_the_examples_of_the_specification_are_valid(tmp_path):
    blocks = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "spec" / "network.md").read_text(), re.DOTALL)
    paths = [tmp_path / name for name in ("network.toml", "consortium.toml")]
    for path, block in zip(paths, blocks[:2], strict=True):
        path.write_text(block)
    assert load_network(paths[0]).name == load_consortium(paths[1]).name == "Four hospitals"


def test_immutables_are_filled_in():
    build = committed("ballots")
    addresses = ["0x" + digits * 20 for digits in ("ab", "cd", "ef")]
    code = runtime_code(build.deployed_bytecode, build.immutable_references, addresses)
    for name, address in zip(sorted(build.immutable_references, key=int), addresses, strict=True):
        for place in build.immutable_references[name]:
            filled = code[place["start"] : place["start"] + place["length"]]
            assert filled == bytes(12) + bytes.fromhex(address[2:])
    with pytest.raises(Malformed, match="immutables that are not known"):
        runtime_code("0x00", {"1": [], "2": []}, addresses)


@pytest.mark.parametrize(
    ("nonce", "address"),
    [
        (0, "0xcd234A471b72ba2F1Ccf0A70FCABA648a5eeCD8d"),
        (1, "0x343c43A37D37dfF08AE8C4A11544c718AbB4fCF8"),
        (127, None),
        (128, None),
        (255, None),
        (256, None),
        (70_000, None),
    ],
)
def test_the_address_of_a_contract_to_come(nonce, address):
    creator = "0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0"
    expected = checksum_address(keccak(rlp.encode([bytes.fromhex(creator[2:]), nonce]))[12:])
    assert created_address(creator, nonce) == expected
    assert address in (None, expected)


def test_a_key_that_deployed_before_deploys_again(anvil, tmp_path):
    payer = ephemeral()
    networks = [deploy(Chain(id=31337, rpc=anvil.url), payer, "test", founders(), tmp_path) for _ in range(2)]
    assert networks[0].contracts != networks[1].contracts


@pytest.mark.parametrize(
    "change",
    [
        {"majority": 4_999},
        {"majority": 6_667},
        {"vote_seconds": 0},
        {"vote_seconds": 31_536_001},
        {"delay_seconds": 31_536_001},
        {"delay_seconds": -1},
        {"execute_seconds": 0},
    ],
)
def test_rules_that_the_contract_would_refuse(tmp_path, change):
    with pytest.raises(UsageError, match="out of bounds"):
        check_rules(msgspec.structs.replace(DEFAULT_RULES, **change))


def test_the_consortium_files_rules_are_the_ballots(anvil, tmp_path):
    path = tmp_path / "consortium.toml"
    table = "\n[rules]\nmajority = 6666\nvote_seconds = 60\n"
    path.write_text(FILE.format(*KEYS) + table + "delay_seconds = 0\nexecute_seconds = 30\n")
    file = load_consortium(path)
    assert file.rules == Rules(6666, 60, 0, 30)
    network = deploy(Chain(id=31337, rpc=anvil.url), ephemeral(), "test", file.founders(), tmp_path, rules=file.rules)
    with Client.connect(network) as client:
        assert client.view("ballots", "rules") == [[6666, 60, 0, 30]]
