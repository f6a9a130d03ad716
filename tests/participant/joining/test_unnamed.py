"""Invites that do not say who founds, and words of a founding that a member read."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.clinics import Clinics
from support.invites import INVITER, address_of, invite

from ledger.config import Gateway, Network, load_network, save
from ledger.errors import UsageError
from ledger.keys import unlock
from ledger.store import disk
from participant.joining import finishing
from participant.joining.checks import FoundersUnnamed
from participant.joining.documents import address_to_sign, invite_to_sign, parse_address_file
from participant.joining.finishing import OtherFounders, OtherFounding, OtherWords
from participant.joining.founding import signed_founding


def _named(clinics: Clinics, founders: tuple[str, ...] | msgspec.UnsetType) -> None:
    """South's answer becomes one to an invite that named these; both keys sign again."""
    south = clinics.home("south")
    north, own = (unlock(clinics.home(home).keystore, "correct horse") for home in ("north", "south"))
    answer = parse_address_file(south.answer.read_bytes())
    bare = msgspec.structs.replace(answer.invite, founders=founders)
    bare = msgspec.structs.replace(bare, signature="0x" + north.sign_typed_data(*invite_to_sign(bare)).hex())
    blank = msgspec.structs.replace(answer, invite=bare)
    signed = msgspec.structs.replace(blank, signature="0x" + own.sign_typed_data(*address_to_sign(blank)).hex())
    disk.write_private(south.answer, [signed.encode()])


def test_an_invite_that_names_no_founders_is_refused_at_both_ends(clinics: Clinics) -> None:
    clinics.begin()
    made = invite(founders=msgspec.UNSET, expires=1 << 40)
    clinics.file("bare.json").write_bytes(made.encode())
    told = clinics.refused(FoundersUnnamed, "south", "join", "bare.json", "--light")
    assert "fedledger invite South" in told.advice
    assert not clinics.home("south").folder.exists()
    clinics.file("answer.json").write_bytes(address_of(made).encode())
    clinics.refused(FoundersUnnamed, "north", "consortium", "start", "answer.json", "--yes")


def test_a_home_that_answered_one_before_joins_by_words_alone(founded: Clinics) -> None:
    """They cover every founder and its key: with them nothing is left that the invite should have said."""
    network = founded.file("network.toml")
    founded.home("south").network_file.unlink()
    _named(founded, msgspec.UNSET)  # as in an earlier version
    told = founded.refused(OtherFounders, "south", "join", network)
    assert "--words" in told.advice
    words = founded.run("west", "join", network)["words"]
    founded.refused(OtherWords, "south", "join", network, "--words", words.replace(words.split()[3], "abandon"))
    assert not founded.home("south").network_file.exists()
    assert founded.run("south", "join", network, "--words", f" {words.upper()} ")["member"] == 1


def test_right_words_excuse_no_other_founder_s_signature(founded: Clinics) -> None:
    """Nothing else that was invited to is left out for them: another key has signed this file."""
    network = founded.file("network.toml")
    founded.home("south").network_file.unlink()
    words = founded.run("west", "join", network)["words"]
    save(network, signed_founding(load_network(network), INVITER))
    founded.refused(OtherFounding, "south", "join", network, "--words", words)


def test_right_words_excuse_no_founders_that_the_invite_did_not_name(founded: Clinics) -> None:
    """Who founded with others can read its own words by phone: these are accepted by their names, or not at all."""
    network, south = founded.file("network.toml"), founded.home("south")
    south.network_file.unlink()
    _named(founded, ("North clinic", "South clinic"))
    words = founded.run("west", "join", network)["words"]
    founded.refused(OtherFounders, "south", "join", network, "--words", words)
    assert not south.network_file.exists()
    assert founded.run("south", "join", network, "--words", words, "--accept-founders")["member"] == 1


def test_what_was_checked_is_what_is_kept(founded: Clinics, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who may write where the file lies changes it as soon as it was read."""
    path, south = founded.file("network.toml"), founded.home("south")
    network, read = load_network(path), finishing.load_network
    south.network_file.unlink()

    def read_once(file: Path) -> Network:
        found = read(file)
        save(file, msgspec.structs.replace(network, gateways=(Gateway("evil", "http://evil.example"),)))
        return found

    monkeypatch.setattr(finishing, "load_network", read_once)
    finishing.finish(path, south)
    assert load_network(south.network_file) == network


@pytest.mark.parametrize("words", ["", " "])
def test_words_that_are_empty_are_others(words: str, founded: Clinics) -> None:
    """As of a script's variable that nobody set: nothing was compared."""
    founded.home("south").network_file.unlink()
    founded.refused(OtherWords, "south", "join", founded.file("network.toml"), "--words", words)
    assert not founded.home("south").network_file.exists()


@pytest.mark.parametrize("later", [False, True], ids=["before the founding", "after it"])
def test_words_are_held_against_the_founding_in_an_invite(later: bool, clinics: Clinics) -> None:
    kind: Any = UsageError
    if later:
        clinics.found()
        clinics.run("south", "invite", "East clinic", "--output", clinics.folder)
        kind = OtherWords
    else:
        clinics.begin("--invite", "East clinic")
    clinics.refused(kind, "east", "join", "east-clinic.invite.json", "--light", "--words", "abandon " * 8)
    assert not clinics.home("east").folder.exists()
