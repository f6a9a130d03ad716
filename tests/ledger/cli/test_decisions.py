"""`fedledger proposal` and `release`: what members propose, vote on, sign, relay and carry out, on a real chain."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from support.consortia.voters import Council, refused, run, said
from support.made import Made
from support.passphrases import write_passphrase

from ledger.config import Home, save
from ledger.errors import Malformed, Refuted, Rejected, Unavailable, UsageError
from ledger.events.actions import Action, ReleaseModel, kind_of
from ledger.events.proposals import ProposalState, vote_to_sign
from ledger.events.records import Choice
from ledger.formats.digest import sha256
from ledger.formats.row_proofs import OpenedRows
from ledger.formats.rows import Draw
from ledger.history.names import NotReleased, RevokedRelease, UnknownRelease
from ledger.party.pins import report_pin
from ledger.party.voting import propose
from ledger.releases.report import HeldOutRows


def report_file(members: Council, folder: Path, *indices: int) -> Path:
    path = folder / "report.json"
    path.write_bytes(members.report(*indices).encode())
    return path


def signed(members: Council, index: int, number: int, choice: str, path: Path, *options: object) -> dict[str, Any]:
    run("proposal", "vote", number, choice, "--yes", "--sign-only", path, *options, *members.key(index))
    return json.loads(path.read_bytes())


def test_a_model_is_proposed_shown_voted_on_and_released(members: Council, tmp_path: Path) -> None:
    report = report_file(members, tmp_path, 0, 1)
    asked = ("--report", report, "--license", "cc-by-4.0")
    text = run("release", "propose", 2, "cardio", "1.0", *asked, *members.key(0)).stdout
    assert "proposal 1: release the model of job 1, round 2 as cardio 1.0" in text
    assert "fedledger proposal vote 1 for  (or against, or abstain)" in text
    assert "keep the node running until the vote is over, here and at the other members" in text
    after = text.splitlines()[1:]
    commands = [line for line in after if line.startswith("  ")]
    assert (len(commands), all(line.startswith("  fedledger ") for line in commands)) == (2, True), after
    assert all(len(line) <= 80 for line in after if line not in commands), after
    shown = said("proposal", "show", 1, *members.home(1), "--json")
    job = members.trial.job
    assert (shown["model"]["job_name"], shown["model"]["task"]) == (job.name, f"{job.task.name} {job.task.version}")
    assert (shown["state"], shown["action"]["kind"], shown["for"]) == ("Voting", "release", 0)
    assert shown["evaluation"]["license"] == "cc-by-4.0"
    assert shown["model"]["attested_by"] == "3 of 4 members"
    page = run("proposal", "show", 1, *members.home(1)).stdout
    for word in ("North", "South", "accuracy", "0.9", "fedledger audit --job 1 --round 2", shown["model"]["cid"]):
        assert word in page
    refusal = refused(NotReleased, "release", "show", "cardio@1.0", *members.home(2))
    assert refusal.facts["proposal"] == 1
    said_no = run("release", "vote", 1, "for", *members.key(0), input="n\n", fails=UsageError)
    assert "Vote for?" in said_no.stdout
    assert said("proposal", "show", 1, *members.home(0), "--json")["voted"] == 0
    run("release", "vote", 1, "for", *members.key(0), input="y\n")
    run("release", "vote", 1, "against", "--yes", *members.key(3))
    run("proposal", "vote", 1, "for", "--yes", *members.key(1))
    assert re.search(r"^not voted +East$", run("proposal", "show", 1, *members.home(1)).stdout, re.MULTILINE)
    assert said("proposal", "vote", 1, "for", "--yes", *members.key(2), "--json")["passes"]
    run("proposal", "close", 1, *members.key(3))
    members.pass_time(2)
    assert said("proposal", "list", *members.home(0), "--json")[0]["state"] == "Executable"
    run("proposal", "execute", 1, *members.key(3))
    assert "Executed" in run("proposal", "list", *members.home(0)).stdout
    facts = said("release", "show", "cardio", *members.home(0), "--json")
    assert (facts["state"], facts["report"]) == ("current", shown["action"]["report"])
    votes = {vote["name"]: vote["choice"] for vote in facts["proposal"]["votes"]}
    assert votes == {"North": "for", "South": "for", "East": "for", "West": "against"}
    page = run("release", "show", "cardio@1.0", *members.home(0)).stdout
    for word in ("current", "West", "3 for, 1 against", "accuracy", facts["root"]):
        assert word in page
    assert "cardio@1.0" in run("release", "list", *members.home(0)).stdout
    listed = said("release", "list", *members.home(0), "--json")
    assert [one["name"] for one in listed] == ["cardio"]


def test_an_approval_of_a_job_names_the_document_that_was_read(
    members: Council, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger.chain.sender import Sender

    approve = ("job", "approve", 1, *members.key(3))
    sent: list[tuple[Any, ...]] = []
    honest = Sender.send

    def send(sender: Sender, *arguments: Any) -> Any:
        sent.append(arguments)
        return honest(sender, *arguments)

    monkeypatch.setattr(Sender, "send", send)
    assert "it is open" in run(*approve, input="y\n").stdout
    assert sent == [("ledger", "approveJob", 1, members.trial.state.digest)]


def test_who_votes_keeps_a_copy_of_the_report(members: Council, tmp_path: Path) -> None:
    number = members.propose(2, "kept", "1", "--report", report_file(members, tmp_path, 2))
    digest = members.report(2).digest
    run("proposal", "vote", number, "abstain", "--yes", *members.key(1))
    pins = members.trial.parties[1].connection.store.pins()
    assert pins[f"report/{digest.hex()}"].digest == digest


def test_a_vote_signed_at_home_is_sent_by_anyone(members: Council, tmp_path: Path) -> None:
    number = members.propose(1, "signed", "1")
    files = [tmp_path / f"{index}.json" for index in (0, 1, 2)]
    documents = [signed(members, index, number, "for", file) for index, file in enumerate(files)]
    proposal = said("proposal", "show", number, *members.home(0), "--json")
    assert proposal["voted"] == 0
    assert documents[0].keys() == {
        *("fedledger", "kind", "chain", "contract", "proposal", "member", "choice", "deadline", "signature")
    }
    assert documents[0]["deadline"] == proposal["deadline"]
    assert (documents[0]["kind"], documents[0]["proposal"]) == ("ballot", proposal["id"])
    network = ("--network", members.local.network_file, "--home", tmp_path / "nobody")
    stranger = key_of_a_stranger(tmp_path)
    first = said("proposal", "relay", files[0], *network, *stranger, "--json")
    assert [line["outcome"] for line in first] == ["counted"]
    batch = run("proposal", "relay", *files, *network, *stranger, "--json", fails=Rejected)
    assert [line["outcome"] for line in json.loads(batch.stdout)] == ["ALREADY_VOTED", "counted", "counted"]
    votes = said("proposal", "show", number, *members.home(0), "--json")["votes"]
    assert [vote["choice"] for vote in votes] == ["for"] * 3


def key_of_a_stranger(folder: Path) -> tuple[str, ...]:
    """A key that does not belong to a member, and what opens it."""
    from ledger.keys import create

    path, passphrase = folder / "payer" / "key.json", folder / "passphrase"
    write_passphrase(passphrase, "correct horse")
    if not path.exists():
        create(path, "correct horse", light=True)
    return ("--keystore", str(path), "--passphrase-file", str(passphrase))


def test_signed_votes_that_do_not_count_say_why(members: Council, tmp_path: Path) -> None:
    number = members.propose(1, "wrong", "1")
    file = tmp_path / "vote.json"
    document = signed(members, 0, number, "for", file)

    def relayed(**changes: Any) -> Any:
        file.write_text(json.dumps(document | changes, sort_keys=True, separators=(",", ":")))
        return ("proposal", "relay", file, *members.key(3))

    assert refused(UsageError, *relayed(chain=1)).facts["expected"] == 31337
    assert "another contract" in str(refused(UsageError, *relayed(contract="0x" + "11" * 20)))
    assert "never made here" in str(refused(UsageError, *relayed(proposal="ab" * 32)))
    for changes in ({"choice": "against"}, {"member": members.members[1].address}, {"deadline": 2**40}):
        assert refused(Rejected, *relayed(**changes)).facts["reason"] == "WRONG_SIGNER"
    for changes in (
        {"fedledger": "signed/2"},
        {"kind": "other"},
        {"choice": "maybe"},
        {"signature": "0x12"},
        {"member": "me"},
        {"proposal": "12"},
        {"deadline": -1},
        {"deadline": 1 << 64},
        {"extra": 1},
    ):
        run(*relayed(**changes), fails=Malformed)
    file.write_bytes(b" " * 20_000)
    run("proposal", "relay", file, *members.key(3), fails=Malformed)
    run("proposal", "relay", tmp_path / "nowhere", *members.key(3), fails=UsageError)
    high = int.from_bytes(bytes.fromhex(document["signature"][66:130]), "big")
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    twin = document["signature"][:66] + f"{order - high:064x}" + ("1b" if document["signature"][-2:] == "1c" else "1c")
    assert refused(Rejected, *relayed(signature=twin)).facts["reason"] == "SIGNATURE_NOT_CANONICAL"


def test_an_expired_signature_does_not_count(members: Council, tmp_path: Path) -> None:
    number = members.propose(1, "late", "1")
    file = tmp_path / "vote.json"
    signed(members, 0, number, "for", file, "--valid-for", 5)
    members.pass_time(10)
    error = refused(Rejected, "proposal", "relay", file, *members.key(3))
    assert error.facts["reason"] == "SIGNATURE_EXPIRED"
    assert "sign again" in error.advice


def test_a_vote_counts_once_whichever_way_it_comes(members: Council, tmp_path: Path) -> None:
    number = members.propose(1, "twice", "1")
    file = tmp_path / "vote.json"
    signed(members, 0, number, "for", file)
    vote = ("proposal", "vote", number, "against", "--yes")
    run(*vote, *members.key(0))
    for again in ((*vote, *members.key(0)), ("proposal", "relay", file, *members.key(3))):
        assert refused(Rejected, *again).facts["reason"] == "ALREADY_VOTED"
    error = refused(Rejected, *vote, "--sign-only", tmp_path / "again.json", *members.key(0))
    assert error.facts["reason"] == "ALREADY_VOTED"
    assert not (tmp_path / "again.json").exists()


@pytest.fixture
def outsider(members: Council, tmp_path: Path) -> tuple[str, ...]:
    """A home whose key does not belong to a member."""
    home = Home(tmp_path / "outside")
    home.folder.mkdir()
    save(home.network_file, members.network)
    key_of_a_stranger(tmp_path)
    (tmp_path / "payer" / "key.json").rename(home.keystore)
    return ("--home", str(home.folder), "--passphrase-file", str(tmp_path / "passphrase"))


def test_who_is_no_member_can_neither_propose_nor_vote(
    members: Council, outsider: tuple[str, ...], tmp_path: Path
) -> None:
    number = members.propose(1, "closed", "1")
    for command in (
        ("release", "propose", 1, "mine", "1", "--no-audit"),
        ("proposal", "propose", "close-job", 1),
    ):
        assert refused(Rejected, *command, *outsider).facts["error"] == "Consortium_NotMember"
    vote = ("proposal", "vote", number, "for", "--yes", *outsider)
    assert refused(Rejected, *vote).facts["reason"] == "NOT_MEMBER"
    assert refused(Rejected, *vote, "--sign-only", tmp_path / "x").facts["reason"] == "NOT_MEMBER"


def test_every_wrong_state_is_refused_with_a_way_out(members: Council, tmp_path: Path) -> None:
    number = members.propose(1, "states", "1")
    key = members.key(1)
    vote = ("proposal", "vote", number, "for", "--yes", *key)

    def states(*command: object) -> tuple[Any, str]:
        error = refused(Rejected, *command)
        return error.facts.get("state", error.facts.get("error")), error.advice

    assert states("proposal", "execute", number, *key)[0] == "Voting"
    early = refused(Rejected, "proposal", "close", number, *key)
    assert early.message == f"too few are for proposal {number} yet"
    assert (early.facts["expected"], early.facts["actual"]) == ("3 of 4 members", 0)
    assert states("proposal", "cancel", number, *key)[0] == "Ballots_NotProposer"
    run(*vote)
    assert states("proposal", "cancel", number, *members.key(0))[0] == "Ballots_VotesCast"
    for index in (0, 2):
        run("proposal", "vote", number, "for", "--yes", *members.key(index))
    run("proposal", "close", number, *key)
    members.pass_time(2)
    late = ("proposal", "vote", number, "for", "--yes", *members.key(3))
    assert states(*late) == ("Executable", "it passed; carry it out: fedledger proposal execute")
    assert states(*late, "--sign-only", tmp_path / "late.json")[0] == "Executable"
    run("proposal", "execute", number, *key)
    assert states("proposal", "execute", number, *key)[0] == "Executed"
    withdrawn = members.propose(1, "withdrawn", "1")
    run("proposal", "cancel", withdrawn, *members.key(0))
    assert states("proposal", "vote", withdrawn, "for", "--yes", *key)[0] == "Cancelled"
    for command in ("show", "close", "execute", "cancel"):
        keys = members.home(0) if command == "show" else key
        assert "no proposal 999" in str(refused(UsageError, "proposal", command, 999, *keys))
    assert "no proposal 999" in str(refused(UsageError, "proposal", "vote", 999, "for", "--yes", *key))
    run("proposal", "vote", number, "maybe", *key, fails=2)
    run("proposal", "vote", number, "for", "--valid-for", 5, *key, fails=2)


def test_a_rejected_and_an_expired_proposal_say_so(members: Council) -> None:
    rejected, expired = members.propose(1, "no", "1"), members.propose(1, "forgotten", "1")
    for index in (0, 1, 2):
        run("proposal", "vote", rejected, "against", "--yes", *members.key(index))
        run("proposal", "vote", expired, "for", "--yes", *members.key(index))
    members.pass_time(3_700)
    assert refused(Rejected, "proposal", "execute", rejected, *members.key(0)).facts["state"] == "Rejected"
    assert "Rejected" in run("proposal", "show", rejected, *members.home(0)).stdout
    members.pass_time(90_000)
    assert refused(Rejected, "proposal", "execute", expired, *members.key(0)).facts["state"] == "Expired"
    states = {one["proposal"]: one["state"] for one in said("proposal", "list", *members.home(0), "--json")}
    assert (states[rejected], states[expired]) == (ProposalState.REJECTED.value, ProposalState.EXPIRED.value)


def test_nobody_votes_for_a_report_that_an_update_contradicts(members: Council) -> None:
    """Its proposer says by a tool of its own that a party held rows out; that party's update says otherwise."""
    opening = Draw(b"j" * 32, b"s" * 32, 50).tree(2, [n.to_bytes(32, "big") for n in range(100)]).opening
    shown = HeldOutRows(round=2, opening=OpenedRows.of(opening))
    honest = members.report(0)
    report = replace(honest, parties=(replace(honest.parties[0], rows="held_out", held_out=shown),))
    connection = members.trial.parties[0].connection
    connection.put([report.encode()], report_pin(report.digest))
    action = ReleaseModel("lie", "1", 1, 2, report.root, report=report.digest.hex())
    made = propose(connection, members.trial.parties[0].sender, action)
    assert "says otherwise" in str(refused(Refuted, "proposal", "vote", made.number, "for", "--yes", *members.key(0)))
    run("proposal", "vote", made.number, "against", "--yes", *members.key(0))


def test_what_cannot_be_released_is_not_proposed(members: Council, tmp_path: Path) -> None:
    members.release("taken", "1")
    propose = ("release", "propose")
    key = (*members.key(0), "--no-audit")
    made = len(said("proposal", "list", *members.home(0), "--json"))
    assert "released already" in str(refused(UsageError, *propose, 2, "taken", "1", *key))
    assert "never trained" in run(*propose, 0, "first", "1", *key, fails=UsageError).exception.message
    refused(UsageError, *propose, 9, "ninth", "1", *key)
    refused(UsageError, *propose, "ffff", "root", "1", *key)
    for name, version in (("Cardio", "1"), ("", "1"), ("a b", "1"), ("x" * 33, "1"), ("ok", ".1"), ("ok", "1/2")):
        run(*propose, 2, name, version, *key, fails=UsageError)
    refused(UsageError, *propose, 2, "scored", "1", "--scores", *key)
    run(*propose, 2, "licensed", "1", "--license", "mit", *key, fails=2)
    run(*propose, 2, "unknown", "1", "--job", 7, *key, fails=UsageError)
    assert len(said("proposal", "list", *members.home(0), "--json")) == made


def test_a_report_must_be_on_the_model_and_by_members(members: Council, tmp_path: Path) -> None:
    from msgspec.structs import replace

    path = tmp_path / "report.json"
    good = members.report(0)
    propose = ("release", "propose", 2, "reported", "1", "--no-audit", "--report", path, *members.key(0))
    stranger = replace(good.parties[0], key="0x" + "11" * 20)
    for report, kind in (
        (members.report(0, round_=1), Malformed),
        (replace(good, root="ab" * 32), Malformed),
        (replace(good, chain=1), Malformed),
        (replace(good, parties=(stranger,)), UsageError),
    ):
        path.write_bytes(report.encode())
        run(*propose, fails=kind)
    path.write_bytes(good.encode() + b"\n")
    run(*propose, fails=Malformed)
    path.write_bytes(good.encode())
    run(*propose, "--license", "No Such Thing", fails=Malformed)
    path.unlink()
    run(*propose, fails=UsageError)


def test_a_model_is_audited_before_it_is_proposed(members: Council, monkeypatch: pytest.MonkeyPatch) -> None:
    import msgspec

    from ledger.audit.report import ClaimAnswer, Right
    from ledger.party import auditing

    assert members.propose(2, "audited", "1", audit=True) > 0
    honest = auditing.inspect
    answers: tuple[tuple[Any, Any], ...] = (("no", Refuted), ("unknown", Unavailable))
    for answer, kind in answers:

        def wrong(*arguments: Any, answer: Any = answer) -> Any:
            claims = (ClaimAnswer(claim="model 1/2", answer=answer, why="it differs"),)
            return msgspec.structs.replace(honest(*arguments), right=Right(answer, claims))

        monkeypatch.setattr(auditing, "inspect", wrong)
        error = refused(kind, "release", "propose", 2, "audited", "2", *members.key(0))
        assert error.facts["finding"] == "it differs"


def test_an_audit_answers_for_a_release(members: Council) -> None:
    members.release("audited", "1", 1)
    asked = ("--no-source", *members.home(0))
    found = said("audit", "--release", "audited", *asked, "--json")
    assert (found["asked"], found["right"]["answer"]) == ({"release": "audited@1"}, "yes")
    assert [one["claim"] for one in found["right"]["claims"]] == ["code", "job 1", "model 1/1", "release audited@1"]
    printed = run("audit", "--release", "audited@1", *asked).stdout
    assert printed.splitlines()[0].startswith("release audited@1: yes; nobody lied; ")
    assert "Is it right?    yes: 4 of 4 claims right" in printed
    refused(UsageError, "audit", "--release", "audited@2", *asked)
    refused(UsageError, "audit", "--model", "1/99", *asked)


def test_an_audit_is_signed_by_the_key_at_home_or_another(members: Council, tmp_path: Path) -> None:
    from ledger.audit.signed_report import parse

    file = tmp_path / "signed.json"
    found = said("audit", "--model", "1/1", "--no-source", *members.key(1), "--sign", file, "--json")
    checked = parse(file.read_bytes())
    assert (checked.report.asked, checked.report.exit) == ({"model": "1/1"}, 0)
    assert json.loads(checked.report.to_json()) == found
    assert checked.signer == said("status", *members.home(1), "--json")["members"][1]["key"]


def test_a_release_is_revoked_for_a_reason_and_another_made_current(members: Council) -> None:
    members.release("heart", "1", 1)
    members.release("heart", "2", 2)
    back = said("release", "rollback", "heart@1", *members.key(0), "--json")["proposal"]
    members.decide(back)
    assert said("release", "show", "heart", *members.home(0), "--json")["version"] == "1"
    gone = said("release", "revoke", "heart@1", "--reason", "wrong units", *members.key(0), "--json")["proposal"]
    assert "revoke heart 1: wrong units" in run("proposal", "show", gone, *members.home(0)).stdout
    members.decide(gone)
    facts = said("release", "show", "heart@1", *members.home(0), "--json")
    assert (facts["state"], facts["reason"]) == ("revoked", "wrong units")
    assert "wrong units" in run("release", "show", "heart@1", *members.home(0)).stdout
    assert refused(RevokedRelease, "release", "show", "heart", *members.home(0)).facts["versions"] == "1, 2"
    for command in (("revoke", "heart@1", "--reason", "again"), ("rollback", "heart@1"), ("fetch", "heart@1")):
        keys = members.home(0) if command[0] == "fetch" else members.key(0)
        error = refused(RevokedRelease, "release", *command, *keys)
        assert error.facts["reason"] == "wrong units"
    members.decide(said("release", "rollback", "heart@2", *members.key(0), "--json")["proposal"])
    assert "current release" in str(refused(UsageError, "release", "rollback", "heart@2", *members.key(0)))


def test_a_long_reason_is_kept_as_a_text_under_its_digest(members: Council) -> None:
    members.release("long", "1")
    reason = "The data of one house were measured in other units: " + "x" * 100
    number = said("release", "revoke", "long@1", "--reason", reason, *members.key(0), "--json")["proposal"]
    assert (
        said("proposal", "show", number, *members.home(1), "--json")["action"]["reason"]
        == sha256(reason.encode()).hex()
    )
    members.decide(number)
    assert "measured in other units" in run("release", "show", "long@1", *members.home(1)).stdout.replace("\n", " ")


def test_names_that_were_never_released(members: Council) -> None:
    home = members.home(0)
    for wanted in ("nothing", "nothing@1", "../etc", "@", "a@b@c", ""):
        for command in ("show", "fetch"):
            refused(UnknownRelease, "release", command, wanted, *home)
    run("release", "revoke", "nothing@1", "--reason", "x", *members.key(0), fails=UnknownRelease)
    run("release", "revoke", "cardio", "--reason", "x", *members.key(0), fails=2)
    run("release", "revoke", "cardio@1", "--reason", " ", *members.key(0), fails=UsageError)


def test_the_other_decisions_are_proposed_by_name(members: Council) -> None:
    newcomer = "0x" + "12" * 20
    key = members.key(0)
    before = len(said("proposal", "list", *members.home(0), "--json"))
    for command, words in (
        (
            ("admit", newcomer, "--name", "Nørre", "--roles", "participant,scorer"),
            f'admit {newcomer} as participant, scorer, named "Nørre"',
        ),
        (("remove", 3), 'remove member 3 ("West")'),
        (("roles", 3, "--roles", "aggregator"), 'make member 3 ("West") aggregator'),
        (("rules", "--majority", 6000), "change the rules: more than 60 % of all members for it"),
        (("close-job", 1), "close job 1"),
        (("successor", 5, newcomer), f"go on with the ledger {newcomer} on chain 5"),
    ):
        assert words in run("proposal", "propose", *command, *key).stdout
    listed = said("proposal", "list", *members.home(0), "--json")
    assert [one["action"]["kind"] for one in listed[before:]] == [
        *("admit_member", "remove_member", "change_roles", "change_rules", "close_job", "name_successor")
    ]
    assert listed[-3]["action"]["rules"]["majority"] == 6000


def test_proposals_that_cannot_be(members: Council) -> None:
    key = members.key(0)
    propose = ("proposal", "propose")
    run(*propose, "admit", "0x12", "--name", "Delta", "--roles", "participant", *key, fails=UsageError)
    run(*propose, "admit", "0x" + "aB" * 20, "--name", "Delta", "--roles", "participant", *key, fails=UsageError)
    run(*propose, "admit", "0x" + "12" * 20, "--name", "Delta", "--roles", "owner", *key, fails=2)
    run(*propose, "remove", 9, *key, fails=UsageError)
    run(*propose, "rules", *key, fails=2)
    run(*propose, "rules", "--majority", 10, *key, fails=UsageError)
    run(*propose, "close-job", 7, *key, fails=Rejected)
    run(*propose, "successor", 5, "0x" + "00" * 20, *key, fails=Rejected)


def test_a_signed_vote_is_what_the_contract_hashes(members: Council, tmp_path: Path) -> None:
    """The file holds the EIP-712 signature of exactly what it says."""
    from eth_account import Account
    from eth_account.messages import encode_typed_data

    number = members.propose(1, "hashed", "1")
    document = signed(members, 2, number, "abstain", tmp_path / "vote.json")
    shown = said("proposal", "show", number, *members.home(0), "--json")
    action = msgspec.convert(shown["action"], Action)
    made = Made(shown["proposer"], shown["nonce"], kind_of(type(action)), action)
    parts = vote_to_sign(
        document["chain"], document["contract"], made, document["member"], Choice.ABSTAIN, document["deadline"]
    )
    signer = Account.recover_message(encode_typed_data(*parts), signature=document["signature"])
    assert signer == document["member"] == members.members[2].address
