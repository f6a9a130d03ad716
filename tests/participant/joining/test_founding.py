"""What was founded is held against what was invited to; and what a founder is asked."""

from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from support.clinics import Clinics

from ledger.cli.main import fedledger
from ledger.config import load_network, save
from ledger.errors import UsageError
from participant.joining.answering import answered
from participant.joining.documents import founding_digest
from participant.joining.finishing import OtherFounders, OtherFounding, check_founders


def test_a_founding_waits_for_everybody_or_is_told_not_to(clinics: Clinics) -> None:
    clinics.begin()
    clinics.run("north", "invite", "East clinic", "--output", clinics.folder)
    clinics.join("south", "south-clinic.invite.json")
    told = clinics.refused(UsageError, "north", "consortium", "start", "south-clinic.address.json", "--yes")
    assert "at least 3 members" in told.message
    clinics.join("west", "west-clinic.invite.json")
    told = clinics.refused(UsageError, "north", "consortium", "start", "west-clinic.address.json", "--yes")
    assert "East clinic" in told.message
    assert clinics.start(more=("--incomplete",))["members"] == 3


FOUNDED_OTHERWISE = {
    "its name": lambda network: msgspec.structs.replace(network, name="Other"),
    "the inviter's key": lambda network: _with_member(network, 0, key="0x" + "1" * 40),
    "this home's key": lambda network: _with_member(network, 1, name="Somebody"),
    "this home's roles": lambda network: _with_member(network, 1, roles=("participant",)),
}


def _with_member(network: Any, index: int, **fields: Any) -> Any:
    members = list(network.founding.members)
    members[index] = msgspec.structs.replace(members[index], **fields)
    founding = msgspec.structs.replace(network.founding, members=tuple(members))
    return msgspec.structs.replace(network, founding=founding)


@pytest.mark.parametrize("what", FOUNDED_OTHERWISE)
@pytest.mark.parametrize("group", [(), ("node",)], ids=["join", "node join"])
def test_a_network_that_is_not_what_was_invited_to_is_not_joined(what: str, group: Any, clinics: Clinics) -> None:
    clinics.begin()
    for home in ("south", "west"):
        clinics.join(home, f"{home}-clinic.invite.json")
    clinics.start("south-clinic.address.json", "west-clinic.address.json")
    path = clinics.file("other.toml")
    save(path, FOUNDED_OTHERWISE[what](load_network(clinics.file("network.toml"))))
    with pytest.raises(OtherFounding) as told:
        clinics.run("south", *group, "join", path, key=not group)
    assert what in told.value.message
    assert not clinics.home("south").network_file.exists()


@pytest.mark.parametrize("group", [(), ("node",)], ids=["join", "node join"])
def test_a_founding_with_others_than_were_invited_is_refused(group: Any, clinics: Clinics) -> None:
    """East was invited later, and West is left out: the majority is another one than South was told of."""
    clinics.begin()
    clinics.join("south", "south-clinic.invite.json")
    clinics.run("north", "invite", "East clinic", "--output", clinics.folder)
    clinics.join("east", "east-clinic.invite.json")
    clinics.start("south-clinic.address.json", "east-clinic.address.json", more=("--incomplete",))
    path = clinics.file("network.toml")
    with pytest.raises(OtherFounders) as told:
        clinics.run("south", *group, "join", path, key=not group)
    assert (told.value.facts["more"], told.value.facts["missing"]) == ("East clinic", "West clinic")
    assert not clinics.home("south").network_file.exists()
    assert "--accept-founders" in told.value.advice
    assert clinics.run("south", "join", path, "--accept-founders")["member"] == 1
    with pytest.raises(OtherFounders) as told:
        clinics.run("east", "join", path)
    assert "more" not in told.value.facts


def test_a_second_member_of_a_name_is_one_more_than_was_invited(founded: Clinics) -> None:
    """No contract compares names: the founder has a key of its own beside West's, under the same one."""
    network, answer = load_network(founded.file("network.toml")), answered(founded.home("south"))
    assert answer is not None
    check_founders(network, answer.invite, "join")
    west = next(member for member in network.founding.members if member.name == "West clinic")
    members = (*network.founding.members, msgspec.structs.replace(west, key="0x" + "11" * 20))
    false = msgspec.structs.replace(network, founding=msgspec.structs.replace(network.founding, members=members))
    with pytest.raises(OtherFounders) as told:
        check_founders(false, answer.invite, "join")
    assert told.value.facts["more"] == "West clinic"


def test_words_of_a_founding_are_of_nothing_that_its_founder_may_say_in_many_ways(founded: Clinics) -> None:
    """Else it could try ways, on no chain, until two foundings had the same words."""
    network = load_network(founded.file("network.toml"))
    members, validators = network.founding.members, ("0x" + "1" * 40, "0x" + "2" * 40)
    west = msgspec.structs.replace(members[2], roles=(*reversed(members[2].roles), *members[2].roles))

    def digest(**changes: Any) -> bytes:
        founding = msgspec.structs.replace(network.founding, **changes)
        return founding_digest(msgspec.structs.replace(network, founding=founding))

    assert digest(members=(*members[:2], west)) == digest()
    assert digest(validators=validators) == digest(validators=validators[::-1]) != digest()
    assert digest(members=(*members[:2], msgspec.structs.replace(west, roles=("scorer",)))) != digest()


@pytest.mark.parametrize("proposed", [False, True], ids=["", "a proposal was made since"])
def test_rules_that_are_not_those_of_the_invite_are_found_on_the_chain(proposed: bool, clinics: Clinics) -> None:
    clinics.begin()
    for home in ("south", "west"):
        clinics.join(home, f"{home}-clinic.invite.json")
    home = clinics.home("north")
    text = home.founding.read_text()
    home.founding.write_text(text.replace('"vote_seconds":604800', '"vote_seconds":60'))
    clinics.start("south-clinic.address.json", "west-clinic.address.json")
    if proposed:
        clinics.run("north", "proposal", "propose", "roles", "1", "--roles", "participant")
    with pytest.raises(OtherFounding) as told:
        clinics.run("south", "join", clinics.file("network.toml"))
    assert "its rules" in told.value.message


def test_a_founder_is_not_invited_to_its_own_consortium(clinics: Clinics) -> None:
    clinics.begin()
    for name in ("North clinic", "north clinic"):
        with pytest.raises(UsageError):
            clinics.run("north", "invite", name, "--output", clinics.folder)


def test_one_home_founds_one_consortium(founded: Clinics, clinics: Clinics) -> None:
    assert founded.refused(
        UsageError, "north", "consortium", "new", "--name", "a", "--party", "b", "--rpc", clinics.url
    )


def test_credentials_of_a_chain_node_are_not_passed_on(clinics: Clinics) -> None:
    clinics.url = clinics.url.replace("http://", "http://user:secret@")
    with pytest.raises(UsageError, match="credentials") as told:
        clinics.begin()
    assert "secret" not in str(told.value)
    assert not clinics.home("north").folder.exists()


def test_credentials_of_the_founders_node_are_in_no_network_file(clinics: Clinics) -> None:
    clinics.begin()
    for home in ("south", "west"):
        clinics.join(home, f"{home}-clinic.invite.json")
    files = ("south-clinic.address.json", "west-clinic.address.json")
    with pytest.raises(UsageError, match="credentials") as told:
        clinics.start(*files, more=("--rpc", clinics.url.replace("http://", "http://user:secret@")))
    assert "secret" not in str(told.value)
    assert not clinics.file("network.toml").exists()


@pytest.mark.parametrize(("typed", "code"), [("Three clinics\nNorth clinic\n", 0), ("Three clinics\n", 2), ("", 2)])
def test_a_founder_is_asked_what_it_did_not_say(typed: str, code: int, clinics: Clinics) -> None:
    home = clinics.home("north")
    words = ["consortium", "new", "--light", "--passphrase-file", str(clinics.passphrase), "--rpc", clinics.url]
    done = CliRunner().invoke(fedledger, [*words, "--home", str(home.folder)], input=typed)
    assert (done.exit_code if done.exception is None else getattr(done.exception, "exit_code", None)) == code
    assert home.founding.exists() == home.keystore.exists() == (code == 0)
