"""Platform documents in an audit: listed, looked at by the auditor's own roots, and no answer rests on them."""

from hashlib import sha256
from typing import Any

import msgspec
import pytest

pytest.importorskip("cwt", reason="python-cwt is not installed: pip install 'fedledger[platform]'")
pytest.importorskip("jwt", reason="PyJWT is not installed: pip install 'fedledger[platform]'")

from support.platforms import MEASUREMENT, NOW, ROOT, certify, cose_token, jwt_token
from support.worlds.world import NAMES, World, open_matters

from ledger.audit.context import ShownBlock
from ledger.audit.report import PlatformNote, Report
from ledger.formats.cid import CHUNK
from ledger.platforms.documents import nonce_of
from ledger.platforms.roots import PlatformRoots

ROOTS = PlatformRoots((ROOT.certificate,), frozenset({sha256(MEASUREMENT).digest()}))


def world_of(*documents: bytes | None, kept: bool = True) -> World:
    """A final round in which members bring updates that name these documents; None for none."""
    world = World(4).open_job().open_round()
    for member, document in enumerate(documents):
        binding = world.binding(member)
        if document is not None:
            binding = binding.on(binding.rows, binding.data, sha256(document).digest())
            if kept:
                world.files.put(document)
        world.submit(member, binding=binding)
    world.publish(0)
    for member in (1, 2):
        world.attest(member)
    return world


def nonce(world: World, member: int) -> bytes:
    return nonce_of(world.place.chain, world.place.contract, 1, 1, world.keys[member])


def audited(world: World, roots: PlatformRoots | None = ROOTS) -> Report:
    """With blocks of the time for which the certificates are valid."""

    def block(number: int) -> ShownBlock | None:
        shown = world.block_at(number)
        return None if shown is None else ShownBlock(shown.hash, NOW + number, shown.proved)

    return world.audit(roots=roots, blocks=block)


def notes(world: World, roots: PlatformRoots | None = ROOTS) -> dict[str, PlatformNote]:
    return {note.party: note for note in audited(world, roots).platforms}


def test_documents_are_listed_with_what_the_auditor_s_roots_say() -> None:
    empty = world_of(None, None, None, None)
    fresh = jwt_token(nonce(empty, 0))
    world = world_of(fresh, cose_token(), bytes(1184), None)
    found = notes(world)
    assert {party: note.answer for party, note in found.items()} == {
        NAMES[0]: "right",
        NAMES[1]: "right",
        NAMES[2]: "not looked at",
    }
    assert "made for this update" in found[NAMES[0]].why
    assert "may be older" in found[NAMES[1]].why
    assert found[NAMES[2]].sort == "opaque"
    update = world.round.updates[0]
    assert (found[NAMES[0]].key, found[NAMES[0]].tx) == (update.party, update.tx.hex())
    assert found[NAMES[0]].sha256 == sha256(fresh).hexdigest()


def test_a_wrong_document_changes_no_answer() -> None:
    liar = certify("Liar", None)
    forged, foreign = jwt_token(key=liar.key), cose_token(chain=(certify("Machine", liar, authority=False), liar))
    world = world_of(forged, foreign, jwt_token(exp=NOW - 1), None)
    report = audited(world)
    assert {note.answer for note in report.platforms} == {"wrong"}
    assert (report.right.answer, report.lies.list, open_matters(report)) == ("yes", (), [])
    plain = audited(world_of(None, None, None, None))
    assert msgspec.json.decode(plain.to_json())["right"].keys() == msgspec.json.decode(report.to_json())["right"].keys()
    assert "platforms" not in msgspec.json.decode(plain.to_json())


def test_without_roots_they_are_listed_alone() -> None:
    found = notes(world_of(jwt_token(), None, None, None), None)
    assert (found[NAMES[0]].answer, found[NAMES[0]].sort) == ("not looked at", "EAT (JWT)")


@pytest.mark.parametrize("document", [b"", b"x" * (CHUNK + 1)], ids=["empty", "long"])
def test_one_that_cannot_be_had_or_is_too_long_is_said(document: bytes) -> None:
    for kept in (False, True):
        (note,) = audited(world_of(document or None, None, None, None, kept=kept)).platforms or (None,)
        if not document:
            assert note is None
            continue
        assert note is not None
        assert (note.sort, note.answer) == ("not at hand", "not looked at")


def test_updates_with_documents_are_updates_like_any_other() -> None:
    """Verdicts and model are those of the same integers without."""
    plain, named = world_of(None, None, None, None), world_of(jwt_token(), cose_token(), b"x", b"y")
    assert plain.round.final is not None
    assert named.round.final is not None
    assert (plain.round.final.root, plain.round.final.verdicts) == (named.round.final.root, named.round.final.verdicts)


def test_the_report_reads_back() -> None:
    report: Any = audited(world_of(jwt_token(), None, None, None))
    again = msgspec.json.decode(report.to_json(), type=Report)
    assert again.platforms == report.platforms
