"""A member that comes after the founding: by the same files, a vote, and whatever is not right with them."""

import time
from typing import Any

import pytest
from support.clinics import Clinics
from support.invites import address_of
from support.invites import invite as signed_invite

from ledger.config import load_network
from ledger.errors import Refuted, UsageError
from participant.joining.checks import (
    InviteUsed,
)


def admit(clinics: Clinics, proposal: int) -> None:
    for home in ("north", "south"):
        clinics.run(home, "proposal", "vote", proposal, "for", "--yes")
    clinics.run("north", "proposal", "close", proposal)
    time.sleep(1.1)  # carried out from the next second on
    clinics.run("north", "proposal", "execute", proposal)


def test_a_later_member_comes_by_the_same_files(founded: Clinics) -> None:
    """Any member may take the answer; the name is on the ledger."""
    founded.run("south", "invite", "East clinic", "--roles", "participant", "--output", founded.folder)
    founded.join("east", "east-clinic.invite.json")
    made = founded.run("north", "consortium", "add", "east-clinic.address.json", "--yes")["proposals"][0]
    founded.run("thief", "join", "east-clinic.invite.json", "--light", "--output", "thief.json")
    founded.refused(InviteUsed, "west", "consortium", "add", "thief.json", "--yes")
    admit(founded, made["proposal"])
    joined = founded.join("east", "east-clinic.invite.json")
    assert (joined["member"], joined["name"]) == (3, "East clinic")
    assert founded.run("east", "status", key=False)["members"][3]["roles"] == ["participant"]
    founded.refused(InviteUsed, "late", "join", "east-clinic.invite.json")
    founded.refused(InviteUsed, "west", "consortium", "add", "thief.json", "--yes")


def test_a_member_that_was_admitted_joins_after_its_invite_expired(
    founded: Clinics, monkeypatch: pytest.MonkeyPatch
) -> None:
    founded.run("south", "invite", "East clinic", "--expires", "1h", "--output", founded.folder)
    founded.join("east", "east-clinic.invite.json")
    admit(
        founded,
        founded.run("north", "consortium", "add", "east-clinic.address.json", "--yes")["proposals"][0]["proposal"],
    )
    later = time.time() + 3_700
    monkeypatch.setattr(time, "time", lambda: later)
    assert founded.join("east", "east-clinic.invite.json")["member"] == 3


def test_an_invite_of_one_who_is_not_a_member_is_refused(founded: Clinics) -> None:
    network = load_network(founded.file("network.toml"))
    chain = {"id": network.chain.id, "rpc": network.chain.rpc}
    made = signed_invite(
        consortium=network.name, network=network, rules=None, expires=1 << 40, name="East", chain=_chain(chain)
    )
    founded.file("stranger.json").write_bytes(made.encode())
    founded.refused(Refuted, "east", "join", "stranger.json")
    founded.file("answer.json").write_bytes(address_of(made).encode())
    founded.refused(Refuted, "north", "consortium", "add", "answer.json", "--yes")


def _chain(fields: dict[str, Any]) -> Any:
    from participant.joining.documents import InviteChain

    return InviteChain(**fields)


@pytest.mark.parametrize("words", [["invite", "South clinic"], ["invite", "SOUTH CLINIC"], ["invite", "member 7"]])
def test_nobody_is_invited_under_a_name_that_is_taken(words: list[str], founded: Clinics) -> None:
    with pytest.raises(UsageError):
        founded.run("north", *words, "--output", founded.folder)


def test_credentials_in_a_members_network_file_are_in_no_invite(founded: Clinics) -> None:
    path = founded.home("south").network_file
    path.write_text(path.read_text().replace("http://", "http://user:secret@"))
    with pytest.raises(UsageError, match="credentials"):
        founded.run("south", "invite", "East clinic", "--output", founded.folder)
    assert not founded.file("east-clinic.invite.json").exists()
