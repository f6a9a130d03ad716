"""Bundles that are not: cut, bent, reordered, of elsewhere. Each is refused by name, within memory and time."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bundles import CHAIN, Staged
from support.worlds.signing import key

from ledger.bundle.broken import BrokenBundle
from ledger.bundle.calls import EntryOrder
from ledger.bundle.check import check_bundle
from ledger.bundle.document import read_document
from ledger.bundle.entries import Keys, Mined, entries
from ledger.bundle.findings import BundleVerdict
from ledger.bundle.form import BundleEntry, BundleScope, Manifest, paged, parse_manifest, parse_page
from ledger.chain import rlp
from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import CHUNK, RAW, Cid, raw
from ledger.formats.claims import Claimed, RoundName, UpdateOpening, commitment
from ledger.formats.digest import NOTHING, sha256
from ledger.formats.unixfs import TreeBuilder
from ledger.store.car import frame, header

HOSTILE = """
import resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from pathlib import Path
from ledger.bundle.check import check_bundle
begun = time.process_time()
verdict = check_bundle(Path(sys.argv[1]))
room = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(verdict.verdict, time.process_time() - begun, int(room.split()[1]) << 10)
"""
ROOM = 256 << 20


@pytest.fixture(scope="module")
def staged() -> Staged:
    return Staged().honest_round()


@pytest.fixture(scope="module")
def good(staged: Staged) -> bytes:
    return staged.bundle()


def read(data: bytes, folder: Path) -> BundleVerdict:
    path = folder / "bent.car"
    path.write_bytes(data)
    return check_bundle(path)


def fault(verdict: BundleVerdict) -> tuple[str, int]:
    (one,) = verdict.findings
    assert (verdict.verdict, verdict.exit, one.check) == ("MALFORMED", 3, "BUNDLE")
    assert not any(verdict.checked.values())
    return one.code, one.value


def car(*blocks: bytes) -> bytes:
    return header(raw(blocks[0])) + b"".join(frame(raw(one), len(one)) + one for one in blocks)


def bundled(staged: Staged, made: list[BundleEntry], **changes: object) -> bytes:
    """A bundle of these entries, right or not, without any file."""
    keys = Keys()
    list(entries(staged.mined, staged.manifest(), keys))
    pages = list(paged(made))
    manifest: Manifest = staged.manifest()._replace(keys=keys.points, pages=tuple(map(sha256, pages)))
    return car(manifest._replace(**changes).encode(), *pages)


def made(staged: Staged) -> list[BundleEntry]:
    return list(entries(staged.mined, staged.manifest(), Keys()))


@pytest.mark.parametrize("length", [0, 1, 58, 59, 60, 200])
def test_what_is_cut_is_refused(good: bytes, length: int, tmp_path: Path) -> None:
    assert fault(read(good[:length], tmp_path))[0] == ("MANIFEST" if length == 59 else "CAR")
    assert fault(read(good[: -length or -1], tmp_path))[0] == "CAR"


def test_a_block_with_another_byte_or_twice_or_too_long_is_refused(good: bytes, tmp_path: Path) -> None:
    assert fault(read(good[:150] + bytes([good[150] ^ 1]) + good[151:], tmp_path)) == ("BLOCK", 0)
    block = b"again"
    section = frame(raw(block), len(block)) + block
    assert fault(read(good + section + section, tmp_path))[0] == "REPEATED"
    assert fault(read(good + b"\xff\xff\xff\x7f" + bytes(50), tmp_path))[0] == "CAR"
    assert read(good + section, tmp_path).verdict == "VERIFIED", "a block that nothing names is passed over"


def test_a_bundle_cannot_state_its_own_verdict(staged: Staged, tmp_path: Path) -> None:
    item = rlp.decode(staged.manifest().encode())
    assert isinstance(item, list)
    assert fault(read(car(rlp.encode([*item, b"VERIFIED"])), tmp_path))[0] == "MANIFEST"


def test_transactions_in_another_order_twice_or_left_out_are_refused(staged: Staged, tmp_path: Path) -> None:
    right = made(staged)
    assert read(bundled(staged, right), tmp_path).verdict == "UNKNOWN"
    assert fault(read(bundled(staged, [right[1], right[0], *right[2:]]), tmp_path)) == ("REFUSED", 0)
    twice = [*right, right[-1]]
    assert fault(read(bundled(staged, twice), tmp_path)) == ("ORDER", len(right))
    swapped = [right[0]._replace(raw=right[1].raw, signer=right[1].signer, y=right[1].y), *right[1:]]
    assert fault(read(bundled(staged, swapped), tmp_path))[0] in ("ORDER", "REFUSED")
    assert fault(read(bundled(staged, right[:3] + right[4:]), tmp_path)) == ("REFUSED", 3)


def test_a_failed_transaction_is_no_evidence(tmp_path: Path) -> None:
    staged = Staged().honest_round()
    failed = staged.send(1, "ledger", "commitUpdate", 1, 9, b"\x01" * 28, kept=False)
    staged.mined.append(Mined(staged.block, staged.time, failed))
    assert fault(read(bundled(staged, made(staged)), tmp_path)) == ("REFUSED", len(staged.mined) - 1)


def test_a_bad_signature_is_the_bundle_s_fault_and_nobody_s(staged: Staged, tmp_path: Path) -> None:
    right = made(staged)
    for bent in (
        right[2]._replace(signer=right[0].signer),
        right[2]._replace(y=bytes([right[2].y[0] ^ 1]) + right[2].y[1:]),
        right[2]._replace(raw=right[2].raw[:-1] + bytes([right[2].raw[-1] ^ 1])),
    ):
        found = read(bundled(staged, [*right[:2], bent, *right[3:]]), tmp_path)
        assert fault(found) in (("SIGNATURE", 2), ("ORDER", 2), ("ORDER", 3))
        assert not found.findings[0].who


def test_evidence_of_another_chain_contract_or_founding_is_refused(staged: Staged, tmp_path: Path) -> None:
    right = made(staged)
    assert fault(read(bundled(staged, right, chain=1), tmp_path)) == ("TRANSACTION", 0)
    consortium, ledger, scores, *rest = staged.draft.contracts
    elsewhere = (consortium, key(9), scores, *rest)
    assert fault(read(bundled(staged, right, contracts=elsewhere), tmp_path)) == ("TRANSACTION", 0)
    swapped = (scores, ledger, consortium, *rest)
    assert read(bundled(staged, right, contracts=swapped), tmp_path).verdict == "UNKNOWN", "it has no call of members"
    others = tuple(one._replace(key=key(20 + place)) for place, one in enumerate(staged.draft.founders))
    assert fault(read(bundled(staged, right, founders=others), tmp_path)) == ("REFUSED", 0)
    scope = BundleScope("rounds", 2, 1)
    assert fault(read(bundled(staged, right, scope=scope), tmp_path)) == ("CALL", 1)


def test_a_call_through_another_contract_leaves_a_gap(tmp_path: Path) -> None:
    """It shows no member's signature: unknown, and what follows may not be refused for it."""
    staged = Staged().honest_round()
    place = len(staged.mined) - 4
    relayed = staged.mined[place]
    bent = relayed.raw.replace(bytes.fromhex(staged.draft.addresses["ledger"][2:]), b"\x22" * 20)
    staged.mined[place] = relayed._replace(raw=bent)
    found = read(bundled(staged, made(staged)), tmp_path)
    codes = [one.code for one in found.findings]
    assert found.verdict == "UNKNOWN"
    assert codes.count("GAP") == 1
    assert "UNREPLAYED" in codes


def test_keys_pages_and_manifests_are_held_to_their_form(staged: Staged, tmp_path: Path) -> None:
    right = made(staged)
    keys = Keys()
    list(entries(staged.mined, staged.manifest(), keys))
    count = len(keys.points)
    assert fault(read(bundled(staged, right, keys=(*keys.points, b"\x01" * 64)), tmp_path)) == ("KEY", count)
    assert fault(read(bundled(staged, right, keys=(*keys.points, keys.points[0])), tmp_path)) == ("KEY", count)
    assert fault(read(bundled(staged, right, pages=(b"\x01" * 32,)), tmp_path)) == ("PAGE", 0)
    assert fault(read(bundled(staged, right, keys=keys.points[:1]), tmp_path)) == ("PAGE", 0)
    assert fault(read(car(b"\xc0"), tmp_path))[0] == "MANIFEST"


@settings(max_examples=150)
@given(place=st.floats(0, 1), bit=st.integers(0, 7), cut=st.booleans())
def test_one_bit_or_a_cut_anywhere_is_refused(
    place: float, bit: int, cut: bool, good: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    at = int(place * (len(good) - 1))
    bent = good[:at] if cut else good[:at] + bytes([good[at] ^ 1 << bit]) + good[at + 1 :]
    folder = tmp_path_factory.getbasetemp()
    found = read(bent, folder)
    assert found.verdict == "MALFORMED" or (cut and found.verdict == "UNKNOWN"), "a cut between blocks lacks files"


_ITEMS = st.recursive(st.binary(max_size=40), lambda inner: st.lists(inner, max_size=9)).map(rlp.encode)


@settings(max_examples=500)
@given(data=st.one_of(st.binary(max_size=400), _ITEMS))
def test_no_bytes_make_a_parser_fail_otherwise_than_by_name(data: bytes, staged: Staged) -> None:
    order = EntryOrder(staged.manifest())
    for parse in (parse_manifest, lambda block: parse_page(block, 3), read_document):
        try:
            parse(data)
        except Malformed:
            continue
    try:
        order.read(0, BundleEntry(11, 11, raw=data or b"\0"), [""])
    except BrokenBundle:
        return


def deep(_: Staged) -> bytes:
    return car(b"\xf9\xff\xff" * 20_000)


def claiming(_: Staged) -> bytes:
    return car(b"\xfb\xff\xff\xff\xff" + bytes(100))


def many_blocks(staged: Staged) -> bytes:
    blocks = [b"%d" % place for place in range(262_145)]
    return car(staged.manifest().encode(), *blocks)


def many_gaps(staged: Staged) -> bytes:
    return bundled(staged, [BundleEntry(staged.block, staged.time, hash=b"%032d" % place) for place in range(262_144)])


def many_digits(staged: Staged) -> bytes:
    other = Staged(opened=False)
    other.propose(b'{"a":' + b"9" * 1_000_000 + b"}")
    return other.bundle()


def documented(staged: Staged, tensors: str, values: int) -> bytes:
    """A document with other tensors, stored; its job is proposed."""
    document = staged.job.encode()
    at = document.index(b'"tensors":[{') + len(b'"tensors":[')
    data = document[:at] + tensors.encode() + document[document.index(b"]}]", at) + 2 :]
    staged.files.put(data)
    model = msgspec.structs.replace(staged.job.model_terms, values=values)
    both = msgspec.structs.astuple(staged.job.terms), msgspec.structs.astuple(model)
    staged.send(0, "ledger", "proposeJob", sha256(data), *both)
    return data


def one_leaf_many_times(_: Staged) -> bytes:
    """A file of a megabyte whose tree names its one leaf 4,096 times, for each of three updates."""
    staged, values = Staged(3, opened=False), (1 << 30) - 256
    data = documented(staged, f'{{"fraction_bits":24,"name":"large","shape":[{values}]}}', values)
    staged.send(1, "ledger", "approveJob", 1, sha256(data))
    leaf, tree = bytes(CHUNK), TreeBuilder()
    staged.files.blocks[sha256(leaf)] = leaf
    for _start in range(0, 4 << 30, CHUNK):
        tree.add(Cid(RAW, sha256(leaf)), CHUNK)
    root, nodes = tree.finish()
    staged.files.blocks |= {cid.digest: node for cid, node in nodes}
    staged.open_round()
    for member in range(3):
        opening = UpdateOpening(staged.keys[member], 10, b"\7" * 32, root.digest, bytes(16))
        staged.pending.append(opening)
        name = RoundName(CHAIN, staged.place.contract, 1, 1)
        staged.send(member, "ledger", "commitUpdate", 1, 1, commitment(name, opening))
    staged.open_updates()
    base = bytes.fromhex(staged.job.initial_model.root)
    point = (staged.block, *(bytes([one]) * 32 for one in (1, 2, 3)))
    staged.publish_said(Claimed(base, b"\1" * 32, b"\2" * 32, *point, NOTHING, bytes(3)))
    return staged.bundle()


def one_document_many_times(_: Staged) -> bytes:
    """A document with 20,000 tensors that four hundred jobs name."""
    staged = Staged(opened=False)
    tensors = ",".join(f'{{"name":"t{number:05}","shape":[1]}}' for number in range(20_000))
    for _job in range(400):
        documented(staged, tensors, 20_000)
    return staged.bundle(BundleScope("evidence"))


HOSTILE_MADE = [
    *(deep, claiming, many_blocks, many_gaps, many_digits),
    *(one_leaf_many_times, one_document_many_times),
]


@pytest.mark.parametrize("make", HOSTILE_MADE)
def test_hostile_bundles_are_read_in_little_memory_and_time(make: object, staged: Staged, tmp_path: Path) -> None:
    path = tmp_path / "hostile.car"
    path.write_bytes(make(staged))  # type: ignore[operator]
    command = [sys.executable, "-c", HOSTILE, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    verdict, seconds, room = done.stdout.split()
    assert verdict in ("MALFORMED", "UNKNOWN", "REFUTED")
    assert (float(seconds) < 10, int(room) < ROOM) == (True, True), done.stdout


def test_a_node_whose_transactions_do_not_follow_from_each_other_gives_no_bundle() -> None:
    staged = Staged().honest_round()
    del staged.mined[3]
    with pytest.raises(Unavailable, match="do not follow from each other"):
        staged.bundle()
