"""Somebody reads the mail between clinics, keeps files back and sends others: what comes of it, at each end."""

import shutil
import time
from typing import Any

import msgspec
import pytest
from support.clinics import NAMES, Clinics
from support.invites import address_of
from support.invites import invite as signed_invite

from ledger.config import Home, load_network, save
from ledger.errors import Refuted, UsageError
from ledger.keys import unlock
from participant.joining.documents import InviteChain, Inviter, founding_digest
from participant.joining.finishing import OtherFounding
from participant.joining.founding import signed_founding

ROLES = '["participant", "aggregator"]'


def key_of(home: Home) -> Any:
    return unlock(home.keystore, "correct horse")


def answered(clinics: Clinics) -> None:
    clinics.begin()
    clinics.join("south", "south-clinic.invite.json")
    clinics.join("west", "west-clinic.invite.json")


def founded_by_a_thief(clinics: Clinics) -> Any:
    """Anybody may deploy contracts with the keys of others, and the thief's own under West's name."""
    thief = clinics.run("thief", "node", "init", "--light")["address"]
    keys = [key_of(clinics.home("north")).address, key_of(clinics.home("south")).address, thief]
    members = [
        f'[[members]]\nname = "{name}"\nkey = "{key}"\nroles = {ROLES}\n' for name, key in zip(NAMES, keys, strict=True)
    ]
    said = clinics.file("thief.toml")
    said.write_text('fedledger = "consortium/1"\nname = "Three clinics"\n' + "".join(members))
    output = clinics.file("thieves-network.toml")
    clinics.run("thief", "deploy", said, "--rpc", clinics.url, "--output", output)
    return load_network(output)


@pytest.mark.parametrize("signed", ["by nobody", "by the thief", "for another founding"])
def test_a_network_file_that_was_swapped_on_its_way_is_not_joined(signed: str, clinics: Clinics) -> None:
    """All names are right, and so are the founder's key and this home's own."""
    answered(clinics)
    forged = founded_by_a_thief(clinics)
    if signed == "by the thief":
        forged = signed_founding(forged, key_of(clinics.home("thief")))
    if signed == "for another founding":
        clinics.start("south-clinic.address.json", "west-clinic.address.json")
        honest = load_network(clinics.file("network.toml")).founding.signature
        founding = msgspec.structs.replace(forged.founding, signature=honest)
        forged = msgspec.structs.replace(forged, founding=founding)
    path = clinics.file("swapped.toml")
    save(path, forged)
    for words in (["join", path], ["node", "join", path], ["node", "join", path, "--replace"]):
        with pytest.raises(OtherFounding, match="its founder's signature"):
            clinics.run("south", *words, key=words[0] == "join")
    assert not clinics.home("south").network_file.exists()


def test_nothing_of_a_signed_network_file_can_be_changed(clinics: Clinics) -> None:
    """But for what each party chooses for itself."""
    answered(clinics)
    clinics.start("south-clinic.address.json", "west-clinic.address.json")
    network, path = load_network(clinics.file("network.toml")), clinics.file("changed.toml")
    members = network.founding.members
    west = msgspec.structs.replace(members[2], key="0x" + "1" * 40)
    court = msgspec.structs.replace(network.contracts.court, address="0x" + "1" * 40)
    for founding, contracts in (
        (msgspec.structs.replace(network.founding, members=(*members[:2], west)), network.contracts),
        (msgspec.structs.replace(network.founding, block=network.founding.block + 1), network.contracts),
        (network.founding, msgspec.structs.replace(network.contracts, court=court)),
    ):
        save(path, msgspec.structs.replace(network, founding=founding, contracts=contracts))
        with pytest.raises(OtherFounding, match="its founder's signature"):
            clinics.run("south", "join", path)
    save(
        path,
        msgspec.structs.replace(
            network, gateways=(), chain=msgspec.structs.replace(network.chain, explorer="https://explorer.example/{}")
        ),
    )
    assert clinics.run("south", "join", path)["member"] == 1


def test_all_members_see_the_same_words_and_a_second_founding_has_others(clinics: Clinics) -> None:
    """A founder that founds twice, each time with a key of its own under a name, shows different words."""
    answered(clinics)
    words = clinics.start("south-clinic.address.json", "west-clinic.address.json")["words"]
    path = clinics.file("network.toml")
    assert {clinics.run(home, "join", path)["words"] for home in ("south", "west")} == {words}
    again = signed_founding(founded_by_a_thief(clinics), key_of(clinics.home("north")))
    assert founding_digest(again) != founding_digest(load_network(path))
    save(clinics.file("again.toml"), again)
    clinics.join("south2", "south-clinic.invite.json", "--output", clinics.file("unused.json"))
    shutil.copy(clinics.home("south").keystore, clinics.home("south2").keystore)
    shutil.copy(clinics.home("south").answer, clinics.home("south2").answer)
    assert clinics.run("south2", "join", clinics.file("again.toml"))["words"] != words


def test_an_answer_to_another_consortium_s_invite_is_not_taken(founded: Clinics) -> None:
    """Of a member of both, whose contracts have the same addresses, on a chain with the same id or another one."""
    north, network = key_of(founded.home("north")), load_network(founded.file("network.toml"))
    founding = msgspec.structs.replace(network.founding, hash="0x" + "ab" * 32)
    made = signed_invite(
        north,
        consortium=network.name,
        name="East",
        network=msgspec.structs.replace(network, founding=founding),
        rules=None,
        expires=int(time.time()) + 3_600,
        chain=InviteChain(id=network.chain.id, rpc=network.chain.rpc),
        inviter=Inviter(name=NAMES[0], key=north.address),
    )
    founded.file("elsewhere.json").write_bytes(address_of(made).encode())
    told = founded.refused(UsageError, "south", "consortium", "add", "elsewhere.json", "--yes")
    assert "to another consortium" in told.message
    other = msgspec.structs.replace(network, chain=msgspec.structs.replace(network.chain, id=1))
    assert founding_digest(other) != founding_digest(network)


def test_a_key_that_was_replaced_invites_nobody(founded: Clinics) -> None:
    """Others have South's old key; South has another one since."""
    founded.run("south", "invite", "East clinic", "--output", founded.folder)
    founded.join("east", "east-clinic.invite.json")
    old = founded.file("stolen.json")
    old.write_bytes(founded.home("south").keystore.read_bytes())
    founded.run("south", "keys", "rotate", "--new-passphrase-file", founded.passphrase)
    founded.refused(Refuted, "north", "consortium", "add", "east-clinic.address.json", "--yes")
    founded.refused(Refuted, "late", "join", "east-clinic.invite.json", "--light")
    assert not founded.home("late").keystore.exists()
    thief = founded.home("south")
    thief.keystore.write_bytes(old.read_bytes())
    founded.refused(UsageError, "south", "invite", "Mallory", "--output", founded.folder)
    assert not founded.file("mallory.invite.json").exists()


def test_a_thief_s_answer_has_other_words_than_the_guest_reads(clinics: Clinics) -> None:
    """An invite that was read on its way, and answered first."""
    clinics.begin()
    thief = clinics.run("thief", "join", "south-clinic.invite.json", "--light", "--output", "thief.json")
    guest = clinics.join("south", "south-clinic.invite.json")
    assert thief["invite_words"] == guest["invite_words"]
    assert not set(thief["words"].split()) & set(guest["words"].split())
