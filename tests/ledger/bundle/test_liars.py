"""Small hostile bundles on which three readers once said different things, or one of them nothing."""

import json
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from support.bundles import CHAIN, SECONDS, Staged, calldata
from support.web.modules import Ask
from support.worlds.signing import key

from ledger.bundle import verify_bundle
from ledger.bundle.broken import BrokenBundle
from ledger.bundle.check import check_bundle
from ledger.bundle.entries import Keys, entries
from ledger.bundle.findings import LISTED, BundleVerdict
from ledger.bundle.form import BundleEntry, BundleScope, FoundingKey, Manifest, paged
from ledger.formats.artifact import Tensor
from ledger.formats.cid import DAG_PB, Cid, raw
from ledger.formats.claims import Claimed, RoundName, UpdateOpening, commitment, pack_openings
from ledger.formats.digest import NOTHING, sha256
from ledger.store.car import frame, header

NOBODY = "0x" + "0" * 40


def checked(staged: Staged, folder: Path) -> BundleVerdict:
    return check_bundle(staged.write(folder / "it.car"))


def made(manifest: Manifest, blocks: Sequence[bytes], folder: Path) -> Path:
    root = manifest.encode()
    pieces = [frame(raw(block), len(block)) + block for block in (root, *blocks)]
    path = folder / "made.car"
    path.write_bytes(header(raw(root)) + b"".join(pieces))
    return path


def codes(found: BundleVerdict) -> list[tuple[str, str, int]]:
    return [(one.check, one.code, one.round) for one in found.findings]


@pytest.mark.parametrize("before", [0, 1])
def test_a_model_in_another_round_s_file_is_no_base(before: int, tmp_path: Path) -> None:
    staged = Staged()
    cid = staged.job.initial_cid.digest
    if before:
        final = staged.honest_round().state.rounds[1].final
        assert final is not None
        cid = final.cid
    staged.open_round()
    for member in range(4):
        staged.submit(member, np.zeros(staged.layout.values, "<i4"))
    staged.open_updates()
    staged.publish(cid=cid)
    staged.attest(1, 2)
    found = checked(staged.honest_round(), tmp_path)
    assert codes(found) == [("AGGREGATE", "CID", before + 1), ("AGGREGATE", "BASE", before + 2)]


@pytest.mark.parametrize("points", [(), (bytes(64),)])
def test_nobody_is_no_founder_whatever_else_is_wrong(points: tuple[bytes, ...], tmp_path: Path) -> None:
    manifest = Staged().manifest()
    founders = (*manifest.founders, FoundingKey(NOBODY, 7))
    found = check_bundle(made(manifest._replace(founders=founders, keys=points), [], tmp_path))
    assert (codes(found), found.chain) == ([("BUNDLE", "MANIFEST", 0)], "")


def test_a_phase_that_ends_after_all_times_is_what_the_contract_reverts(tmp_path: Path) -> None:
    staged = Staged()
    staged.time = (1 << 40) - 2 * SECONDS
    staged.open_round()
    staged.submit(0)
    place = len(staged.mined)
    staged.time = (1 << 40) - SECONDS // 2
    with pytest.raises(BrokenBundle):
        staged.open_updates()
    keys = Keys()
    pages = list(paged(entries(staged.mined, staged.manifest(), keys)))
    manifest = staged.manifest()._replace(pages=tuple(map(sha256, pages)), keys=keys.points)
    (one,) = check_bundle(made(manifest, pages, tmp_path)).findings
    assert (one.code, one.value) == ("REFUSED", place)


@pytest.mark.parametrize("first", [0, 1])
def test_a_leaf_of_another_length_counts_before_one_that_is_missing(first: int, tmp_path: Path) -> None:
    staged = Staged(tensors=(Tensor("a", (3, 100_001)),))
    short, size = b"short", staged.layout.header_size + 4 * staged.layout.values
    leaves = [sha256(b"nowhere"), sha256(short)]
    node = verify_bundle.make_node(size, 1, leaves if first else leaves[::-1])
    staged.open_round()
    for member in range(3):
        staged.submit(member)
    opening = UpdateOpening(staged.keys[3], 10, sha256(b"root"), sha256(node), bytes(16))
    staged.pending.append(opening)
    name = RoundName(CHAIN, staged.place.contract, 1, 1)
    staged.send(3, "ledger", "commitUpdate", 1, 1, commitment(name, opening))
    staged.open_updates()
    said = (staged.facts.base.root, b"\1" * 32, b"\2" * 32, staged.block, b"\3" * 32, b"\4" * 32, NOTHING, NOTHING)
    staged.publish_said(Claimed(*said, bytes([0, 0, 0, 1])))
    path = tmp_path / "it.car"
    cids = [(raw(short), short), (Cid(DAG_PB, sha256(node)), node)]
    path.write_bytes(staged.bundle() + b"".join(frame(cid, len(block)) + block for cid, block in cids))
    found = check_bundle(path)
    assert codes(found) == [("SCOPE", "EMPTY", 0), ("AGGREGATE", "ROOT", 1)]
    assert found.checked["ADMISSION"] == 4


def test_a_header_may_fill_more_than_a_block(tmp_path: Path) -> None:
    staged = Staged(tensors=[Tensor(f"t{number:05}", (1,)) for number in range(19_000)])
    assert staged.layout.header_size > 1 << 20
    assert checked(staged.honest_round(), tmp_path).verdict == "VERIFIED"


def test_more_gaps_than_a_call_has_room_for_arguments(modules: Ask | None, tmp_path: Path) -> None:
    if modules is None:
        pytest.skip("Node is not installed: the page's modules cannot be run")
    pages = list(paged(BundleEntry(10, 5, hash=sha256(b"%d" % number)) for number in range(130_000)))
    manifest = Staged().manifest()._replace(pages=tuple(map(sha256, pages)))
    found = json.loads(modules("bundle", str(made(manifest, pages, tmp_path))))
    (more,) = [one for one in found["findings"] if one["code"] == "MORE"]
    assert (more["value"], more["actual"]) == (130_000 - LISTED, "REPLAY GAP")
    assert (found["verdict"], len(found["findings"])) == ("UNKNOWN", LISTED + 2)


def test_a_stranger_s_members_are_none(tmp_path: Path) -> None:
    """Whoever makes a bundle may sign an `execute` that no member voted on: keys of its own would admit a document."""
    forged = Staged().honest_round()
    stranger, place = key(10), len(forged.mined)
    action = bytes(12) + bytes.fromhex(stranger[2:]) + (4).to_bytes(32, "big") + b"stranger".ljust(64, b"\0")
    raw_ = forged.send(stranger, "ballots", "execute", stranger, 1, 1, action, kept=False)
    forged.mined.append(forged.mined[-1]._replace(raw=raw_))
    (one,) = check_bundle(made(*unplayed(forged), tmp_path)).findings
    assert (one.code, one.value, one.who) == ("REFUSED", place, ())


def leading(value: int, values: int) -> tuple[bytes, bytes]:
    """A record with the largest int32 at a place in so many values, and the root that it leads to."""
    place, width = value // 256, (values + 255) // 256
    proof = bytearray(1024)
    proof[4 * (value % 256) : 4 * (value % 256) + 4] = b"\xff\xff\xff\x7f"
    root, other = sha256(b"\0" + proof), bytes(32)
    while width > 1:
        if place ^ 1 < width:
            root = sha256(b"\1" + (other + root if place & 1 else root + other))
            proof += other
        place, width = place // 2, (width + 1) // 2
    return bytes(proof), root


@pytest.mark.parametrize("value", [(1 << 53) - 1, (1 << 53) + 1])
def test_a_value_of_terms_that_no_document_has_convicts_nobody(value: int, tmp_path: Path) -> None:
    staged, values = Staged(opened=False), 1 << 60
    model = msgspec.structs.replace(staged.job.model_terms, values=values, by_value=True)
    terms = msgspec.structs.astuple(staged.job.terms), msgspec.structs.astuple(model)
    staged.send(0, "ledger", "proposeJob", sha256(b"{}"), *terms)
    for member in (1, 2):
        staged.send(member, "ledger", "approveJob", 1, sha256(b"{}"))
    staged.open_round()
    proof, root = leading(value, values)
    name = RoundName(CHAIN, staged.place.contract, 1, 1)
    opening = UpdateOpening(staged.keys[0], 10, root, b"\2" * 32, bytes(16))
    staged.send(0, "ledger", "commitUpdate", 1, 1, commitment(name, opening))
    staged.time += SECONDS
    staged.send(0, "ledger", "openUpdates", 1, 1, pack_openings([opening]))
    base = bytes.fromhex(staged.job.initial_model.root)
    said = Claimed(base, b"\1" * 32, b"\2" * 32, staged.block, b"\3" * 32, b"\4" * 32, NOTHING, NOTHING, bytes(1))
    staged.publish_said(said)
    claimed = (1, 1, 0, sha256(b"{}"), said, bytes(1) + (10).to_bytes(4, "big") + root + b"\2" * 32, b"\1")
    block = calldata("court", "refute", claimed, (2, 0, value, 0, 0, proof))
    path = tmp_path / "far.car"
    path.write_bytes(staged.bundle(BundleScope("conviction", 1), [block]))
    assert codes(check_bundle(path)) == [("JOB", "MISSING", 0), ("CONVICTION", "FALSE", 0)]


def test_transactions_are_held_by_their_bytes_not_by_their_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ninety of 1 MB each took 362 MB; signatures are looked at as soon as so many bytes are held."""
    looked_at: list[int] = []
    look = verify_bundle.first_bad
    monkeypatch.setattr(verify_bundle, "HELD", 1000)
    monkeypatch.setattr(verify_bundle, "first_bad", lambda some: looked_at.append(len(some)) or look(some))
    assert checked(Staged().honest_round(), tmp_path).verdict == "VERIFIED"
    assert len(looked_at) > 3


def test_an_aggregate_under_another_document_of_the_job_is_refused(tmp_path: Path) -> None:
    """One of three puts an honest member's other proposal under the job's number: the claim names the right one."""
    true, lie = Staged(3, opened=False), Staged(3, opened=False)
    narrow = msgspec.structs.replace(true.job, admission=msgspec.structs.replace(true.job.admission, max_norm=1000))
    other = true.proposal(0, narrow)
    true.take(true.proposal(1, true.job), 1)
    true.send(2, "ledger", "approveJob", 1, true.job.digest)
    true.open_round(2)
    for member in (0, 2):
        true.submit(member)
    true.time += SECONDS + 1
    true.open_updates(2)
    true.publish(2)
    true.attest(0)
    assert checked(true, tmp_path).verdict == "VERIFIED"
    lie.files = true.files
    lie.take(other, 0)
    lie.send(1, "ledger", "approveJob", 1, narrow.digest)
    lie.mined += true.mined[2:]
    lie.block = true.block
    (one,) = check_bundle(made(*unplayed(lie), tmp_path)).findings
    assert (one.code, one.value, one.who) == ("REFUSED", len(lie.mined) - 2, ())


def unplayed(staged: Staged) -> tuple[Manifest, list[bytes]]:
    """The manifest and pages of what a consortium is said to have sent, whether or not the rules take it."""
    keys = Keys()
    pages = list(paged(entries(staged.mined, staged.manifest(), keys)))
    return staged.manifest()._replace(pages=tuple(map(sha256, pages)), keys=keys.points), pages
