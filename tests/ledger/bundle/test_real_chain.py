"""A bundle of a real run: contracts on a local chain, parties that commit, publish and attest, all that may be gone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils import to_checksum_address
from support.bundles import calldata
from support.command import fedledger, play
from support.consortia.synthetic import Trial

from ledger.bundle.check import BundleCheck, check_bundle
from ledger.bundle.findings import BundleVerdict
from ledger.bundle.form import BundleScope
from ledger.events.ballots import Choice
from ledger.events.proposals import Proposal, vote_to_sign
from ledger.events.records import Role
from ledger.formats.claims import pack_openings
from ledger.formats.member_name import name_words
from ledger.party.bundles.export import exporting


def bundle_of(trial: Trial, path: Path, scope: BundleScope, party: int = 0, until: int | None = None) -> BundleVerdict:
    connection = trial.parties[party].connection
    connection.refresh()
    path.write_bytes(b"".join(bytes(piece) for piece in exporting(connection, scope, until).pieces()))
    return check_bundle(path, BundleCheck(trial.consortium.network, threads=2))


@pytest.fixture
def trial(consortium: Any) -> Any:
    with Trial(consortium) as trial:
        yield trial


def test_an_honest_run_is_verified_and_two_exporters_write_the_same_bytes(trial: Trial, tmp_path: Path) -> None:
    play(trial)
    play(trial)
    scope = BundleScope("rounds", trial.number, 1)
    mine = bundle_of(trial, tmp_path / "mine.car", scope)
    assert (mine.verdict, mine.findings) == ("VERIFIED", ())
    assert mine.checked["AGGREGATE"] == 2
    assert mine.checked["ADMISSION"] == 8
    last = trial.parties[0].connection.follower.tip.number
    bundle_of(trial, tmp_path / "theirs.car", scope, party=1, until=last)
    assert (tmp_path / "theirs.car").read_bytes() == (tmp_path / "mine.car").read_bytes()


def test_who_signed_a_false_model_is_named(trial: Trial, tmp_path: Path) -> None:
    """The attempt that the members refuse is caught; one that is attested now stands, and refutes the bundle."""
    play(trial, liar=3)
    scope = BundleScope("rounds", trial.number, 1)
    caught = bundle_of(trial, tmp_path / "caught.car", scope)
    assert caught.verdict == "VERIFIED"
    trial.consortium.send(1, "ledger", "openRound", trial.number)
    trial.submit()
    trial.parties[1].publish(root=b"\x07" * 32)
    false = bundle_of(trial, tmp_path / "false.car", scope)
    lies = [one for one in false.findings if one.check == "AGGREGATE"]
    assert false.verdict == "REFUTED"
    assert [(one.code, one.who) for one in lies] == [("ROOT", (trial.parties[1].sender.address,))]


def test_evidence_alone_leaves_the_bytes_open(trial: Trial, tmp_path: Path) -> None:
    play(trial)
    scope = BundleScope("evidence", trial.number)
    found = bundle_of(trial, tmp_path / "evidence.car", scope)
    assert (found.verdict, [one.code for one in found.findings]) == ("UNKNOWN", ["BYTES"])


def signed_vote(trial: Trial, index: int, proposal: Proposal) -> tuple[Any, ...]:
    """What a member signs at home, as the contract takes it."""
    network, signer = trial.consortium.network, trial.consortium.members[index].signer
    ballots = network.contracts.ballots.address
    parts = vote_to_sign(network.chain.id, ballots, proposal, signer.address, Choice.FOR, 1 << 40)
    signature = signer.sign_typed_data(*parts)
    return (signer.address, 1, 1 << 40, signature[64], signature[:32], signature[32:64])


def proposed(trial: Trial, function: str, *arguments: Any) -> Proposal:
    """A proposal of the first member."""
    trial.consortium.send(0, "ballots", function, *arguments)
    trial.parties[0].connection.refresh()
    made = trial.parties[0].connection.history.decisions.proposals
    return list(made.values())[-1]


def test_members_by_vote_are_counted_as_the_chain_counts_them(trial: Trial, tmp_path: Path) -> None:
    """Roles by calls, a member by a batch of signed votes, one of them bent; a vote on a release is in no bundle."""
    play(trial)
    send = trial.consortium.send
    closing = proposed(trial, "proposeClosing", trial.number)
    send(1, "ballots", "vote", closing.id, 1)
    roles = proposed(trial, "proposeRoles", 3, int(Role.PARTICIPANT))
    admission = proposed(trial, "proposeAdmission", "0x" + "12" * 20, 1, list(name_words("Delta")))
    for member in (0, 1, 2):
        send(member, "ballots", "vote", roles.id, 1)
    votes = [signed_vote(trial, member, admission) for member in (0, 1, 2)]
    bad = (*votes[0][:4], bytes(32), votes[0][5])
    send(3, "ballots", "voteBatch", admission.id, admission.kind, [bad, *votes, votes[1]])
    for one in (roles, admission):
        send(3, "ballots", "close", one.id)
    trial.pass_time(roles.rules.delay_seconds + 1)
    for one in (roles, admission):
        send(3, "ballots", "execute", one.proposer, one.nonce, one.kind, one.encoded)
    play(trial)
    found = bundle_of(trial, tmp_path / "votes.car", BundleScope("rounds", trial.number, 1))
    assert (found.verdict, found.findings) == ("VERIFIED", ())
    assert found.checked["AGGREGATE"] == 2
    assert found.checked["SIGNATURES"] == found.checked["REPLAY"] + 4


def test_the_command_writes_it_and_reads_it_again(trial: Trial, tmp_path: Path) -> None:
    play(trial)
    home, file = trial.consortium.members[0].home, tmp_path / "round.car"
    common = ("--network", home.network_file, "--home", tmp_path / "auditor")
    written = fedledger("bundle", "export", "--from", 1, "--output", file, *common)
    after = written.stdout.splitlines()[1:]
    commands = [line for line in after if line.startswith("  ")]
    assert [line.split()[0] for line in commands] == ["fedledger", "python"], after
    assert all(len(line) <= 80 for line in after if line not in commands and str(file) not in line), after
    assert written.returncode == 0, written.stderr
    assert "python verify_bundle.py" in written.stdout
    read = fedledger("bundle", "check", file, "--network", home.network_file, "--json")
    assert read.returncode == 0, read.stdout
    assert read.stdout.encode() == check_bundle(file).encode()


class Stranger:
    """A key of nobody's, which sends what it likes; it has a contract that passes every call on to the ledger."""

    def __init__(self, trial: Trial, secret: bytes) -> None:
        self._rpc, self._chain = trial.consortium.client.rpc, trial.consortium.network.chain.id
        self._account, self._ledger = Account.from_key(secret), trial.consortium.network.contracts.ledger.address
        self._nonce = int(self._rpc.call("eth_getTransactionCount", self._account.address, "latest"), 16)
        code = f"36600060003760006000366000600073{self._ledger[2:].lower()}5af100"
        size = f"{len(code) // 2:02x}"
        made = self._send({"data": f"0x60{size}600c60003960{size}6000f3{code}", "gasPrice": 0})
        self._contract = to_checksum_address(made["contractAddress"])

    def through_its_contract(self, data: bytes) -> Any:
        return self._send({"to": self._contract, "data": data, "gasPrice": 0})

    def through_its_own_code(self, data: bytes) -> Any:
        """By code that its account has delegated to: the account calls, and the transaction is to the account."""
        grant = self._grant(self._account, self._nonce + 1)
        receipt = self._send({"to": self._account.address, "data": data, "authorizationList": [grant], **FEES})
        assert self._rpc.call("eth_getCode", self._account.address, "latest").startswith("0xef0100")
        return receipt

    def beside_a_grant(self, data: bytes) -> Any:
        """In a transaction of type 4, by which another account delegates its code."""
        grant = self._grant(Account.from_key(b"\x33" * 32), 0)
        return self._send({"to": self._ledger, "data": data, "authorizationList": [grant], **FEES})

    def without_a_chain(self, data: bytes) -> Any:
        fields = {"nonce": self._nonce, "gas": 2_000_000, "gasPrice": 0, "value": 0}
        return self._raw({**fields, "to": self._ledger, "data": data})

    def _grant(self, account: Any, nonce: int) -> Any:
        return account.sign_authorization({"chainId": self._chain, "address": self._contract, "nonce": nonce})

    def _send(self, fields: dict[str, Any]) -> Any:
        return self._raw(fields | {"nonce": self._nonce, "gas": 2_000_000, "value": 0, "chainId": self._chain})

    def _raw(self, fields: dict[str, Any]) -> Any:
        raw = self._account.sign_transaction(fields).raw_transaction
        tx = self._rpc.call("eth_sendRawTransaction", "0x" + raw.hex().removeprefix("0x"))
        self._rpc.call("evm_mine")
        receipt = self._rpc.call("eth_getTransactionReceipt", tx)
        self._nonce = int(self._rpc.call("eth_getTransactionCount", self._account.address, "latest"), 16)
        return receipt


FEES = {"maxFeePerGas": 0, "maxPriorityFeePerGas": 0}


def openings(trial: Trial) -> bytes:
    """The calldata that opens all updates of a round that was begun."""
    trial.consortium.send(0, "ledger", "openRound", trial.number)
    trial.commit()
    made = [opening for party in trial.parties if (opening := party.opening()) is not None]
    return calldata("ledger", "openUpdates", trial.number, 1, pack_openings(made))


@pytest.fixture
def prague(found: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trial]:
    """On a chain whose accounts can delegate their code."""
    from demo import anvil

    made = anvil._arguments
    monkeypatch.setattr(
        anvil, "_arguments", lambda *given: ["prague" if one == "london" else one for one in made(*given)]
    )
    with anvil.Anvil.start() as node, Trial(found(url=node.url), rounds=2) as trial:
        yield trial


def test_no_way_of_calling_leaves_a_gap(prague: Trial, tmp_path: Path) -> None:
    trial, data = prague, openings(prague)
    for nobody in (
        Stranger(trial, b"\x07" * 32).through_its_contract,
        Stranger(trial, b"\x08" * 32).through_its_own_code,
    ):
        assert nobody(data)["logs"] == []
        assert not trial.round.updates
    assert Stranger(trial, b"\x09" * 32).beside_a_grant(data + b"spare")["logs"] != []
    trial.parties[0].publish()
    trial.attest(1, 2)
    found = bundle_of(trial, tmp_path / "no-gap.car", BundleScope("rounds", trial.number, 1))
    assert (found.verdict, found.findings) == ("VERIFIED", ())


def test_a_transaction_without_a_chain_is_a_gap(trial: Trial, tmp_path: Path) -> None:
    assert Stranger(trial, b"\x0a" * 32).without_a_chain(openings(trial))["logs"] != []
    trial.parties[0].publish()
    trial.attest(1, 2)
    found = bundle_of(trial, tmp_path / "gap.car", BundleScope("rounds", trial.number, 1))
    codes = [one.code for one in found.findings]
    assert (found.verdict, codes.count("GAP")) == ("UNKNOWN", 1)
    assert codes.count("UNREPLAYED") == 3
