"""A laptop is lost, and no backup is at hand: as docs/deploy.md has it, "Keys, machines and members that change"."""

from typing import Any

from support.clinics import Clinics

from ledger.errors import UsageError
from ledger.keys import address_of


def member(founded: Clinics, index: int) -> dict[str, Any]:
    found: dict[str, Any] = founded.run("north", "status", key=False)["members"][index]
    return found


def test_a_member_without_its_laptop_goes_on_in_a_new_home(founded: Clinics) -> None:
    network, lost = founded.file("network.toml"), address_of(founded.home("west").keystore)
    founded.run("west2", "node", "init", "--light")
    key = address_of(founded.home("west2").keystore)
    told = founded.refused(UsageError, "west2", "join", network)
    assert (
        f"takes the place of a member's lost key, a majority to run: fedledger keys recover MEMBER {key}" in told.advice
    )
    assert founded.run("north", "keys", "recover", 2, key)["approvals"] == 1
    assert member(founded, 2)["key"] == lost
    assert founded.run("south", "keys", "recover", 2, key)["done"]
    assert member(founded, 2)["key"] == key
    assert founded.run("west2", "join", network, key=False)["member"] == 2
    founded.refused(UsageError, "west", "keys", "rotate", "--new-passphrase-file", founded.passphrase)
