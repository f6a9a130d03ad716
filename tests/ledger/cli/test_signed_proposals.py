"""Proposals that a member signs at home: one file that anyone's key, or a server, sends; good once, for one nonce."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.consortia.voters import Council, refused, run, said
from support.passphrases import write_passphrase
from support.web.relay import House, relaying

from ledger.errors import Malformed, Rejected, UsageError
from ledger.history.naming import NameTaken
from ledger.keys import create, ephemeral
from web.documents.signatures import ORDER


def sign(members: Council, index: int, file: Path, *command: object) -> dict[str, Any]:
    """Sign what a command proposes; nothing is sent by it."""
    before = count(members)
    made = said(*command, "--sign-only", file, *members.key(index), "--json")
    document: dict[str, Any] = json.loads(file.read_bytes())
    assert (made["nonce"], made["file"]) == (document["nonce"], str(file))
    assert count(members) == before
    return document


def count(members: Council) -> int:
    return int(members.client.view("ballots", "proposals")[0])


@pytest.fixture
def stranger(members: Council, tmp_path: Path) -> tuple[str, ...]:
    """The options of a stranger: the network file, and a key that does not belong to a member."""
    write_passphrase(tmp_path / "passphrase", "correct horse")
    create(tmp_path / "payer.json", "correct horse", light=True)
    key = ("--keystore", str(tmp_path / "payer.json"), "--passphrase-file", str(tmp_path / "passphrase"))
    return ("--network", str(members.local.network_file), "--home", str(tmp_path / "nobody"), *key)


def test_a_release_is_signed_at_home_proposed_by_anyone_and_decided(
    members: Council, stranger: tuple[str, ...], tmp_path: Path
) -> None:
    file = tmp_path / "proposal.json"
    document = sign(members, 1, file, "release", "propose", 2, "offline", "1.0")
    assert document.keys() == {
        *("fedledger", "kind", "chain", "contract", "nonce", "member", "action", "deadline", "signature")
    }
    assert (document["kind"], document["fedledger"], document["action"]["kind"]) == ("proposal", "signed/1", "release")
    (line,) = said("proposal", "relay", file, *stranger, "--json")
    assert (line["proposal"], line["member"]) == (count(members), members.members[1].address)
    shown = said("proposal", "show", line["proposal"], *members.home(0), "--json")
    assert shown["action"] == document["action"]
    assert shown["proposer"] == members.members[1].address
    members.decide(line["proposal"])
    assert said("release", "show", "offline@1.0", *members.home(0), "--json")["state"] == "current"


def commands(members: Council) -> dict[str, tuple[object, ...]]:
    """Everything that can be proposed, by its kind."""
    return {
        "release": ("release", "propose", 1, "every", "1", "--no-audit"),
        "revoke": ("release", "revoke", "signed-kinds@2", "--reason", "no longer good"),
        "roll_back": ("release", "rollback", "signed-kinds@1"),
        "admit_member": ("proposal", "propose", "admit", ephemeral().address, "--name", "Delta", "--roles", "scorer"),
        "remove_member": ("proposal", "propose", "remove", 3),
        "change_roles": ("proposal", "propose", "roles", 3, "--roles", "aggregator"),
        "change_rules": ("proposal", "propose", "rules", "--delay-seconds", 5),
        "close_job": ("proposal", "propose", "close-job", 1),
        "name_successor": ("proposal", "propose", "successor", 7, "0x" + "12" * 20),
    }


def test_everything_that_can_be_proposed_can_be_signed(members: Council, tmp_path: Path) -> None:
    members.release("signed-kinds", "1")
    members.release("signed-kinds", "2")
    file = tmp_path / "proposal.json"
    for kind, command in commands(members).items():
        document = sign(members, 0, file, *command)
        assert document["action"]["kind"] == kind
        text = run("proposal", "relay", file, *members.key(2)).stdout
        assert f"proposed by {members.members[0].address}, proposal {count(members)}" in text
        assert said("proposal", "show", count(members), *members.home(0), "--json")["action"]["kind"] == kind


def test_a_member_that_signed_two_proposals_with_one_nonce_signs_one_again(members: Council, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    close = ("proposal", "propose", "close-job", 1)
    made = count(members)
    nonce = sign(members, 0, first, "proposal", "propose", "remove", 3)["nonce"]
    assert sign(members, 0, second, *close)["nonce"] == nonce
    error = refused(Rejected, "proposal", "relay", second, first, *members.key(2))
    assert (error.facts["error"], error.facts["expected"], error.facts["actual"]) == (
        "Ballots_WrongNonce",
        nonce + 1,
        nonce,
    )
    assert "sign again" in error.advice
    assert count(members) == made + 1, "one of the two was made"
    again = refused(Rejected, "proposal", "relay", second, *members.key(2))
    assert again.facts["proposal"] == made + 1
    assert "proposed already" in again.message
    sign(members, 0, first, "proposal", "propose", "remove", 3)
    (line,) = said("proposal", "relay", first, *members.key(2), "--json")
    assert line["proposal"] == made + 2


def test_what_others_propose_first_does_not_hold_up_a_signed_proposal(members: Council, tmp_path: Path) -> None:
    file = tmp_path / "proposal.json"
    document = sign(members, 0, file, "proposal", "propose", "remove", 3)
    for index in (1, 2, 3):
        run("proposal", "propose", "close-job", 1, *members.key(index))
    (line,) = said("proposal", "relay", file, *members.key(2), "--json")
    shown = said("proposal", "show", line["proposal"], *members.home(0), "--json")
    assert (shown["proposer"], shown["action"]) == (members.members[0].address, document["action"])


def test_what_was_sent_before_a_refusal_is_reported(members: Council, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    sign(members, 0, good, "proposal", "propose", "remove", 2)
    sign(members, 0, bad, "proposal", "propose", "remove", 3)
    result = run("proposal", "relay", good, bad, *members.key(2), "--json", fails=Rejected)
    assert [line["file"] for line in json.loads(result.stdout)] == [str(good)]


def test_a_newcomers_name_is_nobody_elses(members: Council, tmp_path: Path) -> None:
    file, taken = tmp_path / "proposal.json", members.members[1].name
    command = ("proposal", "propose", "admit", ephemeral().address, "--roles", "scorer", "--sign-only", file)
    for name, error in ((taken, NameTaken), (taken.upper(), NameTaken), ("Delta\u202e", Malformed), ("", Malformed)):
        run(*command, "--name", name, *members.key(0), fails=error)
    assert not file.exists()


def test_votes_and_proposals_go_together(members: Council, tmp_path: Path) -> None:
    vote, proposal = tmp_path / "vote.json", tmp_path / "proposal.json"
    number = members.propose(1, "together", "1")
    run("proposal", "vote", number, "for", "--yes", "--sign-only", vote, *members.key(1))
    sign(members, 0, proposal, "proposal", "propose", "close-job", 1)
    lines = said("proposal", "relay", vote, proposal, *members.key(3), "--json")
    assert [line["outcome"] for line in lines] == [f"proposal {number + 1}", "counted"]


def test_signed_proposals_that_are_not_what_was_signed_say_why(members: Council, tmp_path: Path) -> None:
    file = tmp_path / "proposal.json"
    document = sign(members, 0, file, "proposal", "propose", "remove", 2)

    def relayed(**changes: Any) -> Any:
        file.write_text(json.dumps(document | changes, sort_keys=True, separators=(",", ":")))
        return ("proposal", "relay", file, *members.key(3))

    assert refused(UsageError, *relayed(chain=1)).facts["expected"] == 31337
    assert "another contract" in str(refused(UsageError, *relayed(contract="0x" + "11" * 20)))
    other = {"kind": "remove_member", "index": 1}
    another = members.members[1].address
    theirs = {"member": another, "nonce": int(members.client.view("ballots", "nonceOf", another)[0]) + 1}
    for changes in ({"action": other}, theirs, {"deadline": 2**40}):
        assert refused(Rejected, *relayed(**changes)).facts["reason"] == "WRONG_SIGNER"
    assert refused(Rejected, *relayed(nonce=document["nonce"] + 1)).facts["error"] == "Ballots_WrongNonce"
    words = document["signature"]
    high = f"{ORDER - int(words[66:130], 16):064x}"
    twin = words[:66] + high + ("1b" if words.endswith("1c") else "1c")
    assert refused(Rejected, *relayed(signature=twin)).facts["reason"] == "SIGNATURE_NOT_CANONICAL"
    for changes in (
        {"fedledger": "signed/2"},
        {"kind": "ballot"},
        {"nonce": 0},
        {"nonce": 1 << 32},
        {"deadline": 1 << 64},
        {"signature": "0x12"},
        {"member": "me"},
        {"action": {"kind": "remove_member", "index": 255}},
        {"action": {"kind": "remove_member"}},
        {"action": other | {"extra": 1}},
        {"action": {"kind": "rename"}},
        {"extra": 1},
    ):
        run(*relayed(**changes), fails=Malformed)
    before = count(members)
    run(*relayed())
    assert count(members) == before + 1


def test_a_signature_is_good_for_as_long_as_its_member_says(members: Council, tmp_path: Path) -> None:
    file = tmp_path / "proposal.json"
    command = ("proposal", "propose", "close-job", 1)
    week = sign(members, 0, file, *command)["deadline"] - members.client.time()
    assert 7 * 86_400 - 60 <= week <= 7 * 86_400
    sign(members, 0, file, *command, "--valid-for", 5)
    members.pass_time(10)
    error = refused(Rejected, "proposal", "relay", file, *members.key(3))
    assert error.facts["reason"] == "SIGNATURE_EXPIRED"
    assert "sign again" in error.advice
    run(*command, "--valid-for", 5, *members.key(0), fails=2)


def test_who_is_no_member_signs_nothing(members: Council, tmp_path: Path) -> None:
    home = members.members[0].home
    own = home.keystore.read_bytes()
    try:
        home.keystore.unlink()
        create(home.keystore, members.members[0].passphrase_file.read_text().strip(), light=True)
        command = ("proposal", "propose", "close-job", 1, "--sign-only", tmp_path / "x.json", *members.key(0))
        assert "proposal propose admit" in refused(Rejected, *command).advice
    finally:
        home.keystore.write_bytes(own)
    assert not (tmp_path / "x.json").exists()


def test_a_server_takes_the_very_file(members: Council, tmp_path: Path) -> None:
    """Of a release, with its digests, and of rules, which are nested."""
    house, file = House(members.local), tmp_path / "proposal.json"
    try:
        with relaying(house, tmp_path / "server") as site:
            for command in (
                ("release", "propose", 2, "by-server", "1"),
                ("proposal", "propose", "rules", "--delay-seconds", 3),
            ):
                document = sign(members, 2, file, *command)
                site.read()
                headers = {"Content-Type": "application/json"}
                answer = httpx.post(site.url + "/relay.json", content=file.read_bytes(), headers=headers, timeout=60)
                went = site.settled(answer)
                assert (went["status"], went["kind"]) == ("done", "proposal"), went
                shown = said("proposal", "show", count(members), *members.home(0), "--json")
                assert shown["action"] == document["action"]
                assert (shown["id"], shown["proposer"]) == (went["proposal"], members.members[2].address)
    finally:
        house.client.close()
