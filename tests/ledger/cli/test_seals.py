"""`fedledger seal`: readers are added, taken out, and updates erased, by files and signatures, in real homes."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from support.consortia.voters import refused, run, said
from support.passphrases import write_passphrase
from support.seals import seal_all

from ledger import keys
from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats.claims import RoundName
from ledger.formats.unixfs import cid_of
from ledger.masks.keys import point_of
from ledger.masks.secret import Secret
from ledger.party.seals.drawer import Drawer
from ledger.party.seals.read_key_files import load_read_key
from ledger.seals.keys import ContentKey, UpdateName, draw_key
from ledger.seals.read_keys import show_point
from ledger.seals.slips import Slips, make_slips

LEDGER = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
DATA = b"what was learned at home" * 60_000


class Party:
    """A home with a key and a read key, and no network."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self.read_key = folder, folder / "read.key"
        self.reader = said("seal", "key", self.read_key, "--json")["reader"]
        self.passphrase = write_passphrase(folder / "passphrase", "right")
        self.signer = keys.create(folder / "keystore.json", "right", light=True)
        self.drawer = Drawer(folder)

    @property
    def point(self) -> bytes:
        return point_of(load_read_key(self.read_key))

    def key(self) -> tuple[Any, ...]:
        return ("--home", self.folder, "--passphrase-file", self.passphrase)

    def sign(self, slips: Slips) -> bytes:
        return slips.encode() + self.signer.sign_typed_data(*slips.to_sign())

    def seal(self, number: int, *readers: "Party") -> tuple[ContentKey, Path]:
        """An own sealed update of a round, and the own slips for it."""
        key = draw_key(UpdateName(RoundName(31337, LEDGER, 1, number), self.signer.address))
        file = self.folder / f"{number}.sealed"
        file.write_bytes(seal_all(DATA, key))
        made = make_slips(key, cid_of([file.read_bytes()])[0].digest, [one.point for one in (self, *readers)])
        self.drawer.put(self.sign(made))
        return key, file


@pytest.fixture
def north(tmp_path: Path) -> Party:
    return Party(tmp_path / "north")


@pytest.fixture
def south(tmp_path: Path) -> Party:
    return Party(tmp_path / "south")


@pytest.fixture
def auditor(tmp_path: Path) -> Party:
    return Party(tmp_path / "auditor")


def handed(one: Party, other: Party) -> Any:
    bundle = one.folder / "bundle"
    run("seal", "export", bundle, "--home", one.folder)
    return said("seal", "import", bundle, "--home", other.folder, "--json")


def opens(party: Party, file: Path) -> bytes:
    output = party.folder / "opened"
    output.unlink(missing_ok=True)
    run("seal", "open", file, output, "--read-key", party.read_key, "--home", party.folder)
    return output.read_bytes()


def test_an_auditor_is_added_later_by_another_member(north: Party, south: Party, auditor: Party) -> None:
    """Nothing is encrypted again, and the party whose update it is takes no part."""
    _, file = north.seal(1, south)
    assert handed(north, south) == {"slips": 1, "erasures": 0}
    assert opens(south, file) == DATA
    assert "no slip here opens" in str(refused(Unavailable, *opening(auditor, file)))
    granted = said("seal", "grant", auditor.reader, "--read-key", south.read_key, *south.key(), "--json")
    assert granted == {"granted": 1, "closed": 0}
    assert handed(south, auditor) == {"slips": 2, "erasures": 0}
    assert opens(auditor, file) == DATA
    rows = said("seal", "show", "--read-key", auditor.read_key, "--home", auditor.folder, "--json")["slips"]
    assert {row["author"]: (row["readers"], row["state"]) for row in rows} == {
        north.signer.address: (2, "no slip for these read keys"),
        south.signer.address: (1, "opens, and all are right"),
    }


def opening(party: Party, file: Path) -> tuple[Any, ...]:
    return ("seal", "open", file, party.folder / "opened", "--read-key", party.read_key, "--home", party.folder)


def test_what_was_granted_is_taken_out_of_the_own_slips(north: Party, south: Party, auditor: Party) -> None:
    north.seal(1)
    north.seal(2)
    for reader in (south.reader, auditor.reader):
        run("seal", "grant", reader, "--read-key", north.read_key, *north.key())
    assert said("seal", "revoke", south.reader, "--round", 2, *north.key(), "--json") == {"revoked": 1}
    left = {one.slips.name.round.round: set(one.slips.packets) for one in north.drawer.all()}
    assert left == {1: {north.point, south.point, auditor.point}, 2: {north.point, auditor.point}}


def test_a_revoked_only_reader_leaves_no_file(north: Party, south: Party, auditor: Party) -> None:
    north.seal(1, south)
    handed(north, south)
    run("seal", "grant", auditor.reader, "--read-key", south.read_key, *south.key())
    assert said("seal", "revoke", auditor.reader, *south.key(), "--json") == {"revoked": 1}
    assert [one.author for one in south.drawer.all()] == [north.signer.address]


def test_an_erased_update_is_opened_by_nobody_that_heard_of_it(north: Party, south: Party) -> None:
    _, file = north.seal(1, south)
    _, kept = north.seal(2, south)
    handed(north, south)
    assert said("seal", "erase", 1, 1, "--yes", *north.key(), "--json") == {"deleted": 1}
    assert handed(north, south) == {"slips": 1, "erasures": 1}
    assert "no slip here opens" in str(refused(Unavailable, *opening(south, file)))
    assert opens(south, kept) == DATA
    shown = said("seal", "show", "--home", south.folder, "--json")
    assert [one["round"] for one in shown["erased"]] == [1]
    assert [one["round"] for one in shown["slips"]] == [2]


def test_slips_of_an_erased_update_are_not_taken_again(north: Party, south: Party) -> None:
    north.seal(1, south)
    before = north.folder / "before"
    run("seal", "export", before, "--home", north.folder)
    run("seal", "erase", 1, 1, "--yes", *north.key())
    handed(north, south)
    error = refused(UsageError, "seal", "import", before, "--home", south.folder)
    assert "erased" in str(error)
    assert not list((south.folder / "seals").rglob("*.slips"))


def test_a_crash_in_the_middle_of_an_erasure_leaves_it_erased(north: Party) -> None:
    """The statement is on the disk first; slips that are left count as deleted."""
    north.seal(1)
    (slips,) = (north.folder / "seals").rglob("*.slips")
    data = slips.read_bytes()
    run("seal", "erase", 1, 1, "--yes", *north.key())
    slips.write_bytes(data)
    assert north.drawer.all() == []


def test_only_its_party_erases_an_update(north: Party, south: Party) -> None:
    north.seal(1, south)
    handed(north, south)
    assert "no slips of an own update" in str(refused(UsageError, "seal", "erase", 1, 1, "--yes", *south.key()))
    (said_,) = [kept.slips for kept in south.drawer.all()]
    assert not south.drawer.erased(said_.name, said_.cid)


def test_garbage_is_shown_by_any_reader_under_its_author_s_name(north: Party, south: Party, auditor: Party) -> None:
    north.seal(1, south)
    good = north.drawer.all()[0].slips
    bad = Slips(good.name, good.cid, good.commitment, {**good.packets, auditor.point: bytes(80)})
    south.drawer.put(north.sign(bad))
    shown = run("seal", "show", "--read-key", south.read_key, "--home", south.folder, "--json", fails=1)
    (row,) = json.loads(shown.stdout)["slips"]
    assert (row["author"], row["bad"]) == (north.signer.address, True)
    assert row["state"] == "slips are not what their key makes"
    granted = run("seal", "grant", auditor.reader, "--read-key", south.read_key, *south.key())
    assert f"bad slips by {north.signer.address}" in granted.stderr


def test_damaged_and_renamed_files_count_as_none(north: Party, south: Party) -> None:
    north.seal(1, south)
    (path,) = (north.folder / "seals").rglob("*.slips")
    data = path.read_bytes()
    path.with_name(("e" if path.name[0] == "0" else "0") + path.name[1:]).write_bytes(data)
    (path.parent.with_name("1-2")).mkdir()
    (path.parent.with_name("1-2") / path.name).write_bytes(data)
    assert len(north.drawer.all()) == 1
    path.write_bytes(data[:-1])
    assert north.drawer.all() == []
    path.unlink()
    os.mkfifo(path)
    assert north.drawer.all() == []


def test_a_bundle_is_refused_as_a_whole_word(south: Party) -> None:
    junk = south.folder / "junk"
    for data in (b"anything", b"fedledger/slip/1", b"fedledger/gone/1" + bytes(10)):
        junk.write_bytes(data)
        run("seal", "import", junk, "--home", south.folder, fails=Malformed)
    run("seal", "import", south.folder / "nowhere", "--home", south.folder, fails=UsageError)


def test_a_read_key_is_its_owner_s_alone(north: Party) -> None:
    assert north.read_key.stat().st_mode & 0o777 == 0o600
    assert show_point(north.point) == north.reader
    assert "not overwritten" in str(refused(UsageError, "seal", "key", north.read_key))
    north.read_key.chmod(0o644)
    open_ = refused(UsageError, "seal", "show", "--read-key", north.read_key, "--home", north.folder)
    assert open_.advice.startswith("chmod 600")


def test_one_key_of_several_opens(north: Party, south: Party) -> None:
    _, file = north.seal(1)
    output = north.folder / "opened"
    both = ("--read-key", south.read_key, "--read-key", north.read_key)
    run("seal", "open", file, output, *both, "--home", north.folder)
    assert output.read_bytes() == DATA
    assert isinstance(load_read_key(north.read_key), Secret)
