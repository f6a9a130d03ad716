"""Decisions on a real chain: what members propose, sign and relay is what the history says of it."""

import json
import re
from pathlib import Path

import msgspec
import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from support.consortia.statements import MODEL_TERMS, ROOT, RoundOnChain
from support.made import Made
from web3 import Web3

from demo.consortium import QUICK_RULES
from ledger.chain.build import committed
from ledger.chain.consortium_file import Founder
from ledger.chain.deploy import deploy
from ledger.config import Chain, save
from ledger.errors import Malformed, Rejected
from ledger.events.actions import (
    KINDS,
    AdmitMember,
    ChangeRoles,
    ChangeRules,
    CloseJob,
    NameSuccessor,
    ReleaseModel,
    RemoveMember,
    encode_action,
    kind_name,
)
from ledger.events.contents import place_of, proposal_id, proposal_to_sign, proposal_types, vote_types
from ledger.events.proposals import ProposalState, release_id, vote_to_sign
from ledger.events.records import Choice, Role, Voted
from ledger.formats.digest import keccak
from ledger.formats.member_name import name_words
from ledger.history.fold import History
from ledger.history.foundation import foundation_of


@pytest.fixture
def council(found, anvil, tmp_path):
    """Four members under quick rules, with a finalised round 1 of job 1."""
    from ledger.chain.client import Client
    from ledger.keys import ephemeral

    consortium = found()
    founders = [Founder(m.name, m.address, Role.PARTICIPANT | Role.AGGREGATOR) for m in consortium.members]
    network = deploy(Chain(id=31337, rpc=anvil.url), ephemeral(), "test", founders, tmp_path, rules=QUICK_RULES)
    for member in consortium.members:
        save(member.home.network_file, network)
    consortium.client.close()
    consortium.network, consortium.client = network, Client.connect(network)
    consortium.open_job()
    RoundOnChain(consortium).finalise(MODEL_TERMS[0], bytes(4))
    return consortium


def history_of(consortium):
    client = consortium.client
    first, last = consortium.network.founding.block, client.latest().number
    events = [event for logs in client.read(first, last) for event in logs.events]
    return History(foundation_of(consortium.network), events)


def latest(consortium):
    decisions = history_of(consortium).decisions
    return decisions.proposal(len(decisions.proposals))


def state_on_chain(consortium, proposal):
    return list(ProposalState)[consortium.client.view("ballots", "proposalOf", proposal.id)[0][-1]]


def signed_vote(consortium, index, proposal, choice=Choice.FOR, deadline=2**40):
    """What a member signs at home, as the contract takes it."""
    address = consortium.network.contracts.ballots.address
    signer = consortium.members[index].signer
    parts = vote_to_sign(31337, address, proposal, signer.address, choice, deadline)
    signature = signer.sign_typed_data(*parts)
    return (signer.address, int(choice), deadline, signature[64], signature[:32], signature[32:64])


def signed_proposal(consortium, index, action, deadline=2**40):
    """What a member signs at home to propose, as the contract takes it: kind, action and words."""
    address = consortium.network.contracts.ballots.address
    signer = consortium.members[index].signer
    nonce = consortium.client.view("ballots", "nonceOf", signer.address)[0] + 1
    signature = signer.sign_typed_data(*proposal_to_sign(31337, address, nonce, signer.address, action, deadline))
    kind, encoded = encode_action(action)
    return kind, encoded, (nonce, signer.address, deadline, signature[64], signature[:32], signature[32:64])


def decide(consortium, function, *arguments):
    """Propose, vote by a relayed batch, close, execute; returns the proposal."""
    consortium.send(0, "ballots", function, *arguments)
    proposal = latest(consortium)
    if isinstance(proposal.action, AdmitMember) and proposal.action.name.startswith("0x"):
        with pytest.raises(Malformed, match="no wallet can show"):
            signed_vote(consortium, 0, proposal)
        for index in (0, 1, 2):
            consortium.send(index, "ballots", "vote", proposal.id, Choice.FOR)
    else:
        batch = [signed_vote(consortium, index, proposal) for index in (0, 1, 2)]
        consortium.send(3, "ballots", "voteBatch", proposal.id, proposal.kind, batch)
    consortium.send(3, "ballots", "close", proposal.id)
    consortium.pass_time(2)
    consortium.send(3, "ballots", "execute", proposal.proposer, proposal.nonce, proposal.kind, proposal.encoded)
    return latest(consortium)


def release(version="1.0"):
    words = [text.encode().ljust(32, b"\0") for text in ("cardio", version)]
    return (*words, 1, 1, ROOT, bytes(32), b"E" * 32)


def test_a_release_is_proposed_voted_on_and_published(council):
    proposal = decide(council, "proposeRelease", release())
    history = history_of(council)
    made = history.decisions.current["cardio"]
    assert (made.version, made.root, made.report) == ("1.0", ROOT, b"E" * 32)
    assert (proposal.state(0), proposal.count(Choice.FOR)) == (ProposalState.EXECUTED, 3)
    assert council.client.view("ballots", "tallyOf", proposal.id) == [3, 0, 0]
    assert council.client.view("releases", "currentOf", b"cardio".ljust(32, b"\0")) == [release_id("cardio", "1.0")]
    assert proposal.id == proposal_id(proposal.proposer, 1, *encode_action(proposal.action))
    decide(council, "proposeRevocation", *release()[:2], bytes(32))
    assert "cardio" not in history_of(council).decisions.current


@pytest.mark.parametrize(
    "action",
    [
        AdmitMember("0x" + "12" * 20, 5, "Nørre"),
        RemoveMember(3),
        ChangeRoles(2, 1),
        ChangeRules(msgspec.structs.replace(QUICK_RULES, majority=6_000)),
        CloseJob(1),
        ReleaseModel("cardio", "1.0", 1, 1, ROOT.hex(), report=(b"E" * 32).hex()),
        NameSuccessor(5, "0x" + "12" * 20),
    ],
    ids=lambda action: type(action).__name__,
)
def test_a_signed_proposal_of_any_kind_may_be_relayed_by_anyone(council, action):
    kind, encoded, words = signed_proposal(council, 1, action)
    nonce, member, deadline, v, r, s = words
    address = council.network.contracts.ballots.address
    signable = encode_typed_data(*proposal_to_sign(31337, address, nonce, member, action, deadline))
    digest = keccak(b"\x19" + signable.version + signable.header + signable.body)
    contract = Web3(Web3.HTTPProvider(council.network.chain.rpc)).eth.contract(address, abi=committed("ballots").abi)
    assert contract.functions.digestOfProposal(nonce, member, kind, encoded, deadline).call() == digest
    assert Account.recover_message(signable, vrs=(v, int.from_bytes(r), int.from_bytes(s))) == member
    council.send(3, "ballots", "proposeBySignature", kind, encoded, words)
    made = latest(council)
    assert (made.number, made.proposer, encode_action(made.action)) == (1, member, (kind, encoded))


def test_a_signed_proposal_is_made_once(council):
    first = signed_proposal(council, 1, RemoveMember(3))
    council.send(3, "ballots", "proposeBySignature", *first)
    with pytest.raises(Rejected, match="another nonce") as caught:
        council.send(2, "ballots", "proposeBySignature", *first)
    assert (caught.value.facts["expected"], caught.value.facts["actual"]) == (2, 1)


def test_a_refused_proposal_says_why_in_words(council):
    kind, _, words = signed_proposal(council, 1, RemoveMember(3))
    with pytest.raises(Rejected, match="signed proposal") as caught:
        council.send(3, "ballots", "proposeBySignature", kind, encode_action(RemoveMember(2))[1], words)
    assert caught.value.facts["reason"] == "WRONG_SIGNER"
    expired = signed_proposal(council, 1, RemoveMember(3), deadline=1)
    with pytest.raises(Rejected, match="signed proposal") as caught:
        council.send(3, "ballots", "proposeBySignature", *expired)
    assert caught.value.facts["reason"] == "SIGNATURE_EXPIRED"
    assert latest(council) is None


def test_members_leave_and_come(council):
    newcomer, changed = "0x" + "12" * 20, msgspec.structs.replace(QUICK_RULES, vote_seconds=3_601)
    decide(council, "proposeRemoval", 3)
    decide(council, "proposeAdmission", newcomer, 1, list(name_words("Delta")))
    decide(council, "proposeRoles", 4, 7)
    decide(council, "proposeRules", msgspec.structs.astuple(changed))
    decide(council, "proposeSuccessor", 5, newcomer)
    decide(council, "proposeClosing", 1)
    decide(council, "proposeAdmission", "0x" + "34" * 20, 1, [b"\xff" * 32, b"\xff" * 32])
    history = history_of(council)
    assert [history.name(index) for index in (0, 4, 5)] == ["member 0", "Delta", "member 5"]
    assert [member.active for member in history.members.values()] == [True, True, True, False, True, True]
    assert (history.members[4].roles, history.epoch) == (7, council.client.view("consortium", "epoch")[0])
    assert history.count == council.client.view("consortium", "count")[0]
    assert history.jobs[1].closed
    assert history.successor.ledger == newcomer
    with pytest.raises(Rejected, match="not approved") as caught:
        council.send(0, "ledger", "openRound", 1)
    assert caught.value.facts["error"] == "RoundLedger_JobNotOpen"


def test_history_and_contract_agree_on_every_state(council):
    council.send(0, "ballots", "proposeRemoval", 3)
    for step in ("", "vote", "close", "wait"):
        if step == "vote":
            for index in (0, 1, 2):
                council.send(index, "ballots", "vote", latest(council).id, 1)
        elif step == "close":
            council.send(3, "ballots", "close", latest(council).id)
            council.pass_time(2)
        elif step == "wait":
            council.pass_time(QUICK_RULES.execute_seconds)
        proposal = latest(council)
        assert proposal.state(council.client.latest().time) is state_on_chain(council, proposal)
    assert state_on_chain(council, proposal) is ProposalState.EXPIRED


def test_a_refused_vote_says_why_in_words(council):
    council.send(0, "ballots", "proposeRemoval", 3)
    proposal = latest(council)
    council.send(1, "ballots", "vote", proposal.id, 2)
    for choice, reason in ((1, "ALREADY_VOTED"), (4, "INVALID_CHOICE")):
        with pytest.raises(Rejected, match="does not count") as caught:
            council.send(1, "ballots", "vote", proposal.id, choice)
        assert caught.value.facts["reason"] == reason
    with pytest.raises(Rejected, match="another state") as caught:
        council.send(1, "ballots", "execute", proposal.proposer, proposal.nonce, proposal.kind, proposal.encoded)
    assert caught.value.facts["state"] == "Voting"


def test_a_job_is_approved_by_its_document(council):
    """An approval of another document under its number is refused."""
    with pytest.raises(Rejected, match="another document") as caught:
        council.send(3, "ledger", "approveJob", 1, b"\x22" * 32)
    assert caught.value.facts["error"] == "RoundLedger_WrongDigest"
    assert "read the job again" in caught.value.advice
    council.send(3, "ledger", "approveJob", 1, history_of(council).jobs[1].digest)
    assert len(history_of(council).jobs[1].approvals) == 4


def test_a_batch_leaves_no_event_of_what_does_not_count(council):
    council.send(0, "ballots", "proposeRemoval", 3)
    proposal = latest(council)
    good = signed_vote(council, 1, proposal, Choice.ABSTAIN)
    council.send(3, "ballots", "voteBatch", proposal.id, proposal.kind, [(*good[:4], bytes(32), good[5]), good, good])
    client = council.client
    block = client.latest().number
    events = [event for logs in client.read(block, block) for event in logs.events]
    assert [(type(event), event.member) for event in events] == [(Voted, good[0])]
    assert latest(council).votes == {1: Choice.ABSTAIN}


def test_a_member_whose_roles_changed_in_a_round_may_spend_in_it_for_contract_and_history_alike(council):
    """What the contract lets through is in everyone's history, or nobody has one any more."""
    scope = b"\x05" * 32
    council.send(0, "ledger", "proposeJob", ROOT, (3, 6000, 600, 600, 600, 2, 0, 0, 0, 0), MODEL_TERMS)
    job = council.client.jobs()
    council.send(0, "budgets", "configure", job, (scope, 7, 10))
    for index in (1, 2):
        council.send(index, "ledger", "approveJob", job, ROOT)
    council.send(0, "ledger", "openRound", job)
    decide(council, "proposeRoles", 3, int(Role.PARTICIPANT))
    council.send(3, "budgets", "spend", job, 1)
    history = history_of(council)
    assert history.members[3].roles_since > history.jobs[job].rounds[1].epoch
    assert history.scopes.totals == {(scope, 3): 7}


def test_what_the_specification_shows_is_signed_so():
    """Its JSON block is what Python asks a member to sign, and its digest and signature are those of the contract."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "spec" / "ballot.md").read_text(encoding="utf-8")
    typed = json.loads(re.search(r"```json\n(.*?)```", page, re.DOTALL)[1])
    legend = dict(re.findall(r"^(\S+) +(0x\w+)$", page, re.MULTILINE))
    digests = (legend[name][2:] for name in ("model", "0", "report"))
    action = ReleaseModel("cardio", "1.0", 1, 1, *digests)
    kind, encoded = encode_action(action)
    assert proposal_id(legend["A"], 1, kind, encoded).hex() == legend["proposal"][2:]
    made = Made(legend["A"], 1, kind, action)
    domain, types, message = vote_to_sign(31337, legend["Ballots"], made, legend["B"], Choice.FOR, 5_000_000_000)
    assert (typed["domain"], typed["types"]) == (domain, {"EIP712Domain": typed["types"]["EIP712Domain"], **types})
    assert typed["message"] == message
    signable = encode_typed_data(domain, types, message)
    assert keccak(b"\x19" + signable.version + signable.header + signable.body).hex() == legend["digest"][2:]
    v = int(re.search(r"5000000000, (\d+), r, s", page)[1])
    words = [int(legend[name], 16) for name in ("r", "s")]
    assert Account.recover_message(signable, vrs=(v, *words)) == legend["B"]


def test_what_the_specification_says_is_shown_is_what_is_signed():
    """Each kind's struct, and the two that it stands in."""
    page = (Path(__file__).resolve().parents[3] / "docs" / "spec" / "ballot.md").read_text(encoding="utf-8")
    page = page.replace(",\n    ", ",")
    for kind in KINDS:
        for types, primary in ((vote_types(kind), "Vote"), (proposal_types(kind), "Proposal")):
            declared = {name: ",".join(f"{one['type']} {one['name']}" for one in types[name]) for name in types}
            assert f"{kind_name(kind)}({declared[kind_name(kind)]})" in page
            assert declared[primary].replace(f"{kind_name(kind)} {place_of(kind)}", "KIND kind") in page


def test_an_executions_own_error_passes_through(council):
    for index in (3, 2):
        council.send(0, "ballots", "proposeRemoval", index)
        for voter in (0, 1, 2):
            council.send(voter, "ballots", "vote", latest(council).id, 1)
        council.send(0, "ballots", "close", latest(council).id)
        council.pass_time(2)
        proposal = latest(council)
        arguments = (proposal.proposer, proposal.nonce, proposal.kind, proposal.encoded)
        if index == 3:
            council.send(0, "ballots", "execute", *arguments)
            continue
        with pytest.raises(Rejected, match="needs more members") as caught:
            council.send(0, "ballots", "execute", *arguments)
        assert (caught.value.facts["members"], caught.value.facts["minimum"]) == (2, 3)


def test_the_signed_file_that_the_specification_shows_holds_the_examples_signature():
    from ledger.events.signed import parse

    page = (Path(__file__).resolve().parents[3] / "docs" / "spec" / "ballot.md").read_text(encoding="utf-8")
    text = re.search(r"<!-- a signed vote -->\n```json\n(.*?)\n```", page, re.DOTALL)[1]
    legend = dict(re.findall(r"^(\S+) +(0x\w+)$", page, re.MULTILINE))
    signed = parse(text.encode())
    assert (signed.contract, signed.member, "0x" + signed.proposal) == (
        legend["Ballots"],
        legend["B"],
        legend["proposal"],
    )
    words = [bytes.fromhex(legend[name][2:]) for name in ("r", "s")]
    v = int(re.search(r"5000000000, (\d+), r, s", page)[1])
    assert signed.arguments == (legend["B"], 1, 5_000_000_000, v, *words)
    assert signed.encode().decode() == text


def test_the_signed_proposal_that_the_specification_shows_is_its_members():
    from ledger.events.signed import parse

    page = (Path(__file__).resolve().parents[3] / "docs" / "spec" / "ballot.md").read_text(encoding="utf-8")
    text = re.search(r"<!-- a signed proposal -->\n```json\n(.*?)\n```", page, re.DOTALL)[1]
    legend = dict(re.findall(r"^(\S+) +(0x\w+)$", page, re.MULTILINE))
    signed = parse(text.encode())
    assert (signed.contract, signed.member, signed.action) == (legend["Ballots"], legend["B"], CloseJob(1))
    nonce, member, deadline, v, r, s = signed.arguments
    parts = proposal_to_sign(signed.chain, signed.contract, nonce, member, CloseJob(1), deadline)
    signer = Account.recover_message(encode_typed_data(*map(dict, parts)), signature=r + s + bytes([v]))
    assert signer == legend["B"]
    assert signed.encode().decode() == text
