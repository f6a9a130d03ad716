"""From an invite to a member, on a real chain: the founding, and every file that is not right."""

import time

import msgspec
import pytest
from click.testing import CliRunner
from support.clinics import NAMES, Clinics
from support.invites import address_of
from support.invites import invite as signed_invite

from ledger.cli.main import fedledger
from ledger.config import load_network
from ledger.errors import UsageError
from participant.joining.checks import (
    AddressChanged,
    InviteChanged,
    InviteExpired,
    InviteUsed,
    InviteWithdrawn,
    OtherChain,
)
from participant.joining.documents import AddressFile, Invite


def test_a_consortium_is_founded_by_files(founded: Clinics) -> None:
    members = founded.run("west", "status", key=False)["members"]
    assert [one["name"] for one in members] == list(NAMES)
    for home in ("north", "south", "west"):
        assert (
            founded.home(home).network().founding.members == load_network(founded.file("network.toml")).founding.members
        )


def test_who_has_joined_is_told_whose_majority_decides(founded: Clinics) -> None:
    """Invites say who else is invited, and not their keys: a founder could have founded with three keys of its own."""
    home = founded.home("south")
    done = CliRunner().invoke(fedledger, ["join", str(founded.file("network.toml")), "--home", str(home.folder)])
    assert done.exit_code == 0, done.output
    for member in home.network().founding.members:
        assert f"  {member.name}: {member.key}\n" in done.output
    assert "Next: fedledger doctor" in done.output


def test_words_that_were_given_are_not_to_be_compared_again(founded: Clinics) -> None:
    home, file = founded.home("south"), str(founded.file("network.toml"))
    asked = ["join", file, "--home", str(home.folder)]
    shown = CliRunner().invoke(fedledger, asked).output
    words = next(line.partition(": ")[2] for line in shown.splitlines() if line.startswith("The founding's words"))
    given = CliRunner().invoke(fedledger, [*asked, "--words", words])
    assert given.exit_code == 0, given.output
    assert ("Compare them" in shown, "Compare them" in given.output) == (True, False)
    assert "Checked: they are those that you gave." in given.output


def test_both_ends_see_the_same_words(clinics: Clinics) -> None:
    invited = clinics.begin()["invites"][0]
    answer = clinics.join("south", "south-clinic.invite.json")
    assert answer["invite_words"] == invited["words"] != answer["words"]
    home = clinics.home("north").folder
    words = ["consortium", "add", str(clinics.file("south-clinic.address.json")), "--yes", "--home", str(home)]
    assert f"its words: {answer['words']}" in CliRunner().invoke(fedledger, words).stderr


def test_nothing_is_taken_where_nobody_compared_the_words(clinics: Clinics) -> None:
    clinics.begin()
    clinics.join("south", "south-clinic.invite.json")
    clinics.refused(UsageError, "north", "consortium", "add", "south-clinic.address.json")
    waiting = clinics.run("north", "consortium", "show", key=False)["invited"]
    assert [one["key"] for one in waiting] == ["", ""]


def test_who_is_invited_while_words_are_compared_stays_invited(
    clinics: Clinics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comparing takes a call; another terminal goes on meanwhile."""
    from participant.cli.joining import admission

    clinics.begin()
    clinics.join("south", "south-clinic.invite.json")
    monkeypatch.setattr(
        admission,
        "require_yes",
        lambda *_: clinics.run("north", "invite", "East clinic", "--output", clinics.folder),
    )
    added = clinics.run("north", "consortium", "add", "south-clinic.address.json", key=False)
    assert (added["members"], added["waiting"]) == (list(NAMES[:2]), ["West clinic", "East clinic"])


def test_answering_again_gives_the_same_file(clinics: Clinics) -> None:
    """So that joining which was killed after the key was made goes on."""
    clinics.begin()
    first = clinics.join("south", "south-clinic.invite.json")
    content = clinics.file("south-clinic.address.json").read_bytes()
    clinics.home("south").answer.unlink()
    assert clinics.join("south", "south-clinic.invite.json") == first
    assert clinics.file("south-clinic.address.json").read_bytes() == content


@pytest.mark.parametrize("killed", [False, True], ids=["", "killed after the key was made"])
def test_data_that_are_named_are_kept_where_the_key_is_there_already(killed: bool, clinics: Clinics) -> None:
    clinics.begin()
    home, data = clinics.home("south"), clinics.file("patients.csv")
    data.write_text("age,ill\n1,0\n")
    clinics.run("south", "node", "init", "--light", "--name", "South")
    if killed:
        home.settings_file.unlink()
    clinics.join("south", "south-clinic.invite.json", "--data", str(data))
    assert home.settings().data == str(data.resolve())


def test_an_invite_that_was_changed_makes_no_home(clinics: Clinics) -> None:
    clinics.begin()
    forged = clinics.forge(
        "south-clinic.invite.json", Invite, lambda one: msgspec.structs.replace(one, consortium="Other")
    )
    assert clinics.refused(InviteChanged, "south", "join", forged).exit_code == 1
    assert not clinics.home("south").folder.exists()


def test_an_invite_that_has_expired_is_refused_at_both_ends(clinics: Clinics, monkeypatch: pytest.MonkeyPatch) -> None:
    clinics.begin("--expires", "1h")
    clinics.join("south", "south-clinic.invite.json")
    later = time.time() + 3_700
    monkeypatch.setattr(time, "time", lambda: later)
    clinics.refused(InviteExpired, "west", "join", "west-clinic.invite.json")
    assert not clinics.home("west").folder.exists()
    clinics.refused(InviteExpired, "north", "consortium", "add", "south-clinic.address.json")


def test_an_invite_to_another_chain_is_refused(clinics: Clinics) -> None:
    from demo.anvil import Anvil

    clinics.begin()
    with Anvil.start(chain_id=1234) as other:
        told = clinics.refused(OtherChain, "south", "join", "south-clinic.invite.json", "--rpc", other.url)
    assert (told.facts["expected"], told.facts["actual"]) == (31337, 1234)
    assert not clinics.home("south").folder.exists()


def test_an_invite_is_used_once(clinics: Clinics) -> None:
    """A second key is refused, and the first one's party is not blamed."""
    clinics.begin()
    first = clinics.join("south", "south-clinic.invite.json")
    clinics.run("north", "consortium", "add", "south-clinic.address.json", "--yes")
    clinics.run("thief", "join", "south-clinic.invite.json", "--light", "--output", "thief.json")
    told = clinics.refused(InviteUsed, "north", "consortium", "add", "thief.json", "--yes")
    assert told.facts["expected"] == first["address"]
    again = clinics.run("north", "consortium", "add", "south-clinic.address.json", "--yes")
    assert again["members"] == list(NAMES[:2])


def test_a_home_answers_one_invite(clinics: Clinics) -> None:
    clinics.begin()
    clinics.join("south", "south-clinic.invite.json")
    clinics.refused(InviteUsed, "south", "join", "west-clinic.invite.json")


def test_two_members_have_two_keys(clinics: Clinics) -> None:
    clinics.begin()
    clinics.join("south", "south-clinic.invite.json")
    clinics.home("south").answer.unlink()
    clinics.join("south", "west-clinic.invite.json")
    clinics.run("north", "consortium", "add", "south-clinic.address.json", "--yes")
    clinics.refused(UsageError, "north", "consortium", "add", "west-clinic.address.json", "--yes")


def test_an_invite_that_was_made_again_withdraws_the_first(clinics: Clinics) -> None:
    clinics.begin()
    clinics.join("south", "south-clinic.invite.json")
    clinics.file("south-clinic.invite.json").unlink()
    clinics.run("north", "invite", "South clinic", "--output", clinics.folder)
    clinics.refused(InviteWithdrawn, "north", "consortium", "add", "south-clinic.address.json", "--yes")
    clinics.file("south-clinic.address.json").unlink()
    clinics.join("south", "south-clinic.invite.json")
    assert clinics.run("north", "consortium", "add", "south-clinic.address.json", "--yes")["members"] == list(NAMES[:2])


def test_an_invite_of_somebody_else_is_not_the_founders(clinics: Clinics) -> None:
    clinics.begin()
    clinics.file("other.json").write_bytes(address_of(signed_invite(expires=1 << 40)).encode())
    clinics.refused(InviteWithdrawn, "north", "consortium", "start", "other.json", "--yes")


def test_an_answer_that_was_changed_is_refused(clinics: Clinics) -> None:
    clinics.begin()
    clinics.join("south", "south-clinic.invite.json")
    key = clinics.run("north", "consortium", "show", key=False)["founder"]["key"]
    forged = clinics.forge("south-clinic.address.json", AddressFile, lambda one: msgspec.structs.replace(one, key=key))
    assert clinics.refused(AddressChanged, "north", "consortium", "start", forged, "--yes").exit_code == 1
