"""Exports are made again from the ledger: what is right holds for anyone, and each lie is named."""

import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support.consortia.voters import Council, refused, run
from support.exports import copied, make_key, releasing, say_instead, statement_in, written

from ledger.errors import Malformed, Refuted, UsageError
from ledger.events.signed import SignedExportKey
from ledger.exports import envelope, p256
from ledger.formats.digest import encode
from ledger.history.names import RevokedRelease, UnknownRelease
from ledger.keys import open_export_key
from ledger.masks.secret import Secret
from ledger.party.exports import check as module
from ledger.party.exports import files
from ledger.party.exports.check import check as check_exports

Lie = Callable[[dict[str, Any]], object]


def key_of(council: Council, index: int = 0) -> Secret:
    home = council.members[index].home
    words = council.members[index].passphrase_file.read_text().strip()
    return open_export_key(home.export_key, words, council.network.chain.id)[0]


def checked(folder: Path, visitor: tuple[str, ...], *options: object, code: int) -> dict[str, str]:
    """What does not hold, by the first word of what it is, with the reason."""
    done = run("release", "provenance", "check", folder, *visitor, *options, "--json", fails=code or None)
    found = json.loads(done.stdout)
    assert found["exit"] == done.exit_code == code
    return {one["what"].split(":")[0]: one["why"] for one in found["checked"] if one["holds"] != "yes"}


def test_anyone_makes_all_of_it_again(exports: Path, visitor: tuple[str, ...]) -> None:
    assert checked(exports, visitor, code=0) == {}
    text = run("release", "provenance", "check", exports, *visitor).stdout
    assert "cardio@1.0, said by North: 8 of 8 hold" in text


def test_the_same_release_makes_the_same_bytes(released: Council, exports: Path, tmp_path: Path) -> None:
    again = written(released, 0, tmp_path / "again")
    assert {path.name: path.read_bytes() for path in again.iterdir() if path.is_file()} == {
        path.name: path.read_bytes() for path in exports.iterdir() if path.is_file()
    }


def test_two_members_say_the_same_of_it(released: Council, exports: Path, tmp_path: Path) -> None:
    make_key(released, 1)
    other = written(released, 1, tmp_path / "other")
    for name in ("model.cdx.json", "lineage.prov.json"):
        assert (other / name).read_bytes() == (exports / name).read_bytes()
    ours, theirs = statement_in(exports), statement_in(other)
    assert ours["predicate"].pop("key") != theirs["predicate"].pop("key")
    assert ours == theirs


def test_what_is_attested_later_changes_nothing(
    released: Council, exports: Path, tmp_path: Path, visitor: tuple[str, ...]
) -> None:
    released.trial.parties[3].attest()
    assert released.trial.state.rounds[2].final.agreeing == 4
    again = written(released, 0, tmp_path / "again")
    for name in ("training.intoto.json", "model.cdx.json", "lineage.prov.json"):
        assert (again / name).read_bytes() == (exports / name).read_bytes()
    assert checked(exports, visitor, code=0) == {}


def _weight(said: dict[str, Any]) -> None:
    said["predicate"]["updates"][0]["weight"] = "11"


def _attester(said: dict[str, Any]) -> None:
    said["predicate"]["attesters"].append(said["predicate"]["attesters"][0])


def _claim(said: dict[str, Any]) -> None:
    said["predicate"]["claim"] = "00" * 32


def _more(said: dict[str, Any]) -> None:
    said["predicate"]["approvedBy"] = "a ministry"


def _subject(said: dict[str, Any]) -> None:
    said["subject"][0]["digest"]["sha256"] = "00" * 32


def _round(said: dict[str, Any]) -> None:
    said["predicate"]["round"] = "1"


@pytest.mark.parametrize("lie", [_weight, _attester, _claim, _more, _subject, _round])
def test_a_member_that_signs_something_else(
    released: Council, exports: Path, tmp_path: Path, visitor: tuple[str, ...], lie: Lie
) -> None:
    folder = copied(exports, tmp_path / "lie")
    say_instead(folder, key_of(released), lie)
    found = checked(folder, visitor, code=1)
    assert found.keys() == {"training.intoto.json"}
    assert "is not what the ledger makes" in found["training.intoto.json"]


def test_a_stranger_in_a_members_name(
    released: Council, exports: Path, tmp_path: Path, visitor: tuple[str, ...]
) -> None:
    folder = copied(exports, tmp_path / "lie")
    say_instead(folder, p256.draw(), lambda said: None)
    assert "names another key" in checked(folder, visitor, code=1)["training.intoto.json"]
    document = json.loads((folder / "training.intoto.json").read_bytes())
    document["signatures"][0]["keyid"] = ""
    (folder / "training.intoto.json").write_bytes(encode(document))
    assert "not under the signature" in checked(folder, visitor, code=1)["training.intoto.json"]


def test_a_key_of_nobody(released: Council, exports: Path, tmp_path: Path, visitor: tuple[str, ...]) -> None:
    from ledger.keys import ephemeral

    folder, key, signer = copied(exports, tmp_path / "lie"), p256.draw(), ephemeral()
    place = released.trial.parties[0].connection.place
    point = p256.point_of(key)
    unsigned = SignedExportKey(
        fedledger="signed/1",
        chain=place.chain,
        contract=place.contract,
        member=signer.address,
        curve="P-256",
        public=point.hex(),
        signature="",
    )
    own = unsigned.under(signer.sign_typed_data(*unsigned.to_sign))
    say_instead(folder, key, lambda said: said["predicate"].update(key=own.encode().decode()))
    (folder / "export-key.signed.json").write_bytes(own.encode() + b"\n")
    (folder / "export-key.pem").write_bytes(p256.pem(point))
    payload = envelope.payload_of(json_envelope(folder), "it")
    (folder / "model.sig").write_bytes(envelope.bundle(payload, key))
    found = checked(folder, visitor, code=1)
    assert "never was the key of a member" in found["the export key is a member's"]
    assert "training.intoto.json" not in found


def json_envelope(folder: Path) -> envelope.Envelope:
    """The envelope in the folder's manifest."""
    found = json.loads((folder / "model.sig").read_bytes())["dsseEnvelope"]
    return envelope.parse(encode(found))


@pytest.mark.parametrize("name", ["model.cdx.json", "lineage.prov.json", "export-key.pem", "export-key.signed.json"])
@pytest.mark.parametrize("how", ["changed", "longer", "gone"])
def test_a_file_beside_the_statement(
    exports: Path, tmp_path: Path, visitor: tuple[str, ...], name: str, how: str
) -> None:
    folder = copied(exports, tmp_path / "lie")
    data = (folder / name).read_bytes()
    if how == "gone":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(data + b" " if how == "longer" else data[:60] + bytes([data[60] ^ 1]) + data[61:])
    found = checked(folder, visitor, code=1)
    assert found.keys() == {name}
    assert ("lack" if how == "gone" else f"byte: {len(data) if how == 'longer' else 60}") in found[name]


def test_a_manifest_of_other_files(released: Council, exports: Path, tmp_path: Path, visitor: tuple[str, ...]) -> None:
    folder = copied(exports, tmp_path / "lie")
    payload = json.loads(envelope.payload_of(json_envelope(folder), "it"))
    payload["predicate"]["resources"][0]["digest"] = "00" * 32
    (folder / "model.sig").write_bytes(envelope.bundle(encode(payload), key_of(released)))
    assert checked(folder, visitor, code=1).keys() == {"model.sig"}
    (folder / "model.sig").write_bytes(envelope.bundle(encode(payload), p256.draw()))
    assert "names another key" in checked(folder, visitor, code=1)["model.sig"]


@pytest.mark.parametrize("lie", ["changed", "added", "gone", "a link", "a pipe"])
def test_the_released_files(exports: Path, tmp_path: Path, visitor: tuple[str, ...], lie: str) -> None:
    folder = copied(exports, tmp_path / "lie")
    file = folder / "release" / "job.json"
    data = file.read_bytes()
    file.unlink()
    if lie == "changed":
        file.write_bytes(data[:-1] + b" ")
    elif lie == "added":
        file.write_bytes(data)
        (folder / "release" / "more").write_bytes(b"")
    elif lie == "a link":
        (folder / "job.json").write_bytes(data)
        file.symlink_to(folder / "job.json")
    elif lie == "a pipe":
        os.mkfifo(file)  # who opens it waits for a writer
    assert isinstance(run("release", "provenance", "check", folder, *visitor, fails=Refuted).exception, Refuted)


def test_no_byte_of_it_can_be_another(released: Council, exports: Path, tmp_path: Path) -> None:
    """One bit anywhere: something is false, or the folder is none of exports; never is all of it right."""
    folder, draw = copied(exports, tmp_path / "lie"), random.Random(7)
    connection = released.trial.parties[0].connection
    connection.refresh()
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        data = path.read_bytes()
        for place in draw.sample(range(len(data)), 25):
            bent = bytearray(data)
            bent[place] ^= 1 << draw.randrange(8)
            path.write_bytes(bent)
            with suppress(Refuted, UsageError):
                assert check_exports(connection, folder).exit == 1, (path.name, place)
        path.write_bytes(data)
    assert check_exports(connection, folder).exit == 0


def test_a_file_that_is_another_when_it_is_hashed_is_not_what_was_compared(
    released: Council, exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member signs for a false file, and shows the right one for as long as it is compared."""
    folder, key, false = copied(exports, tmp_path / "lie"), key_of(released), b"another model"
    digest = hashlib.sha256(false).hexdigest()

    def lie(said: dict[str, Any]) -> None:
        next(one for one in said["subject"] if one["name"].endswith(".safetensors"))["digest"]["sha256"] = digest

    say_instead(folder, key, lie)
    model = next((folder / "release").glob("*.safetensors"))
    honest = module.verify

    def swapped(*given: Any) -> Any:
        card = honest(*given)
        model.write_bytes(false)
        return card

    monkeypatch.setattr(module, "verify", swapped)
    connection = released.trial.parties[0].connection
    connection.refresh()
    found = check_exports(connection, folder)
    assert [one.what.split(":")[0] for one in found.checked if one.holds == "no"] == ["training.intoto.json"]


def test_what_is_signed_is_what_the_ledger_makes(
    released: Council, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program writes into the folder while the exports are made."""
    honest = files.write_release

    def swapped(*given: Any) -> Any:
        made = honest(*given)
        made[0].write_bytes(b"another model")
        return made

    monkeypatch.setattr(files, "write_release", swapped)
    folder = written(released, 0, tmp_path / "own")
    monkeypatch.undo()
    again = written(released, 0, tmp_path / "again")
    assert (folder / "training.intoto.json").read_bytes() == (again / "training.intoto.json").read_bytes()


def test_released_files_need_a_folder_of_their_own(released: Council, tmp_path: Path) -> None:
    folder = tmp_path / "used"
    (folder / "release").mkdir(parents=True)
    (folder / "release" / "old.safetensors").write_bytes(b"")
    wanted = ("release", "provenance", "write", "cardio", "--output", folder, *released.key(0))
    assert "old.safetensors" in str(refused(UsageError, *wanted))
    assert list(folder.iterdir()) == [folder / "release"], "nothing was written"
    shutil.rmtree(folder / "release")
    (tmp_path / "elsewhere").mkdir()
    (folder / "release").symlink_to(tmp_path / "elsewhere")
    refused(UsageError, *wanted)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_link_in_the_place_of_the_folder_and_odd_names(
    exports: Path, tmp_path: Path, visitor: tuple[str, ...]
) -> None:
    folder = copied(exports, tmp_path / "lie")
    for name in (b"notes\n\x1b[31m.txt", b"\xff\xfe", b"MODEL.SIG", b"..."):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"")
    done = run("release", "provenance", "check", folder, *visitor, "--json")
    assert json.loads(done.stdout)["beside"] == ["...", "MODEL.SIG", "notes\n\\x1b[31m.txt", "\\udcff\\udcfe"]
    assert "\x1b" not in run("release", "provenance", "check", folder, *visitor).stdout
    (folder / os.fsdecode(b"release/\xff\x1b")).write_bytes(b"")
    assert "\x1b" not in str(run("release", "provenance", "check", folder, *visitor, fails=Refuted).exception)
    shutil.move(folder / "release", tmp_path / "moved")
    (folder / "release").symlink_to(tmp_path / "moved")
    told = run("release", "provenance", "check", folder, *visitor, fails=Refuted).exception
    assert "is a link" in str(told)


@pytest.mark.parametrize(
    "bend",
    [
        lambda text: text.replace(b'"payload":', b'"payload":"","payload":', 1),
        lambda text: text.replace(b'"signatures":[', b'"signatures":[{"keyid":"","sig":""},', 1),
        lambda text: text.replace(b"application/vnd.in-toto+json", b"application/vnd.in-toto+JSON", 1),
        lambda text: text.replace(b"application/vnd.in-toto+json", b"text/plain", 1),
        lambda text: text.replace(b'"payload":"', b'"payload":"\\n', 1),
        lambda text: text.replace(b"==", b"", 1) if b"==" in text else text.replace(b'="', b'"', 1),
        lambda text: text.replace(b'"sig":"', b'"sig":"-_', 1),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b'{"', b'{ "', 1),
        lambda text: b"[" * 100_000,
        lambda text: text + b"\n",
    ],
    ids=["twice", "two", "case", "type", "newline", "padding", "url", "mark", "space", "deep", "longer"],
)
def test_an_envelope_in_another_form_is_refused(
    released: Council, exports: Path, tmp_path: Path, bend: Callable[[bytes], bytes]
) -> None:
    folder, connection = copied(exports, tmp_path / "lie"), released.trial.parties[0].connection
    connection.refresh()
    for name in ("training.intoto.json", "model.sig"):
        data = (folder / name).read_bytes()
        if bend(data) == data:
            continue
        (folder / name).write_bytes(bend(data))
        with suppress(Malformed):
            found = check_exports(connection, folder).checked
            assert [one.what.split(":")[0] for one in found if one.holds == "no"] == [name]
        (folder / name).write_bytes(data)


@pytest.mark.parametrize("number", [2**53, 2**53 + 1, 2**64, 1.0])
def test_a_number_in_the_place_of_a_text_is_not_what_the_ledger_makes(
    released: Council, exports: Path, tmp_path: Path, number: float
) -> None:
    folder = copied(exports, tmp_path / "lie")
    statement = statement_in(folder)
    statement["predicate"]["round"] = number
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()
    (folder / "training.intoto.json").write_bytes(encode(envelope.seal(payload, key_of(released))) + b"\n")
    connection = released.trial.parties[0].connection
    connection.refresh()
    with suppress(Malformed):
        assert check_exports(connection, folder).exit == 1


def test_evidence_that_goes_with_it(released: Council, tmp_path: Path, visitor: tuple[str, ...]) -> None:
    evidence = tmp_path / "evidence.car"
    evidence.write_bytes(b"all that was signed")
    folder = written(released, 0, tmp_path / "with", "--bundle", evidence)
    assert checked(folder, visitor, "--bundle", evidence, code=0) == {}
    assert "it was not shown" in checked(folder, visitor, code=3)["the evidence that the statement names"]
    evidence.write_bytes(b"something else")
    assert "it is " in checked(folder, visitor, "--bundle", evidence, code=1)["the evidence that the statement names"]


def test_what_is_not_of_this_ledger(released: Council, exports: Path, tmp_path: Path, visitor: tuple[str, ...]) -> None:
    key, check = key_of(released), ("release", "provenance", "check")

    def lied(name: str, lie: Lie) -> Path:
        folder = copied(exports, tmp_path / name)
        say_instead(folder, key, lie)
        return folder

    other = lied("other", lambda said: said.update(predicateType="https://slsa.dev/provenance/v1"))
    run(*check, other, *visitor, fails=Malformed)
    unknown = lied("unknown", lambda said: said["predicate"].update(title="cardio@7"))
    refused(UnknownRelease, *check, unknown, *visitor)
    forged = lied("forged", lambda said: said["predicate"].update(key=said["predicate"]["key"].replace("31337", "1")))
    run(*check, forged, *visitor, fails=Malformed)
    bare = copied(exports, tmp_path / "bare")
    shutil.rmtree(bare / "release")
    run(*check, bare, *visitor, fails=Malformed)
    empty = tmp_path / "empty"
    empty.mkdir()
    run(*check, empty, *visitor, fails=Malformed)


def test_a_key_that_was_replaced_is_not_believed(released: Council, tmp_path: Path, visitor: tuple[str, ...]) -> None:
    """Last but one: it changes the third member's key. A thief has the old one: what it signs is not `yes`."""
    make_key(released, 2)
    before = written(released, 2, tmp_path / "before")
    new = released.members[2].passphrase_file
    text = run("keys", "rotate", *released.key(2), "--new-passphrase-file", new).stdout
    assert "release provenance key" in text
    why = checked(before, visitor, code=3)["the export key is that of East"]
    assert "does not speak for it any more" in why
    assert (
        "after a rotation"
        in refused(
            UsageError, "release", "provenance", "write", "cardio", "--output", tmp_path / "no", *released.key(2)
        ).advice
    )
    public = json.loads((before / "export-key.signed.json").read_bytes())["public"]
    again = make_key(released, 2)
    assert again["public"] == public
    assert checked(written(released, 2, tmp_path / "after"), visitor, code=0) == {}


def test_a_revoked_release_is_not_exported(tmp_path: Path) -> None:
    """In a council of its own: nothing brings the release back."""
    with releasing(tmp_path) as council:
        exports, key = written(council, 0, tmp_path / "exports"), council.key(0)
        made = run("release", "revoke", "cardio@1.0", "--reason", "wrong labels", *key, "--json").stdout
        council.decide(int(json.loads(made)["proposal"]))
        visitor = ("--network", str(council.local.network_file), "--home", str(tmp_path / "visitor"))
        run("release", "provenance", "check", exports, *visitor, fails=RevokedRelease)
        run("release", "provenance", "write", "cardio@1.0", "--output", tmp_path / "no", *key, fails=RevokedRelease)
