"""Bundles bent, digests made again: gaps, lost and exchanged entries, single bits: both readers say the same."""

import random
from pathlib import Path

import pytest
from support.bundles import Staged

from ledger.bundle.check import check_bundle
from ledger.bundle.entries import Keys, entries
from ledger.bundle.findings import BundleVerdict
from ledger.bundle.form import BundleEntry, paged
from ledger.events.records import Form
from ledger.formats.cid import raw
from ledger.store.car import frame, header

EACH = 40


@pytest.fixture(scope="module")
def staged() -> Staged:
    """A finished round, one with an attempt that failed, and one under way."""
    staged = Staged(4).honest_round()
    staged.open_round()
    for member in range(4):
        staged.submit(member)
    staged.open_updates(0, 2, 2)
    staged.publish(root=b"\x07" * 32)
    staged.attest(1, 2, form=Form.OTHER)
    staged.publish(1)
    staged.attest(0, 2, 3)
    staged.open_round(2)
    staged.submit(2)
    return staged


@pytest.fixture(scope="module")
def blocks(staged: Staged) -> list[bytes]:
    """The files' blocks of the whole bundle."""
    return [bytes(block) for block in staged.files.blocks.values()]


def car(*blocks: bytes) -> bytes:
    each = {raw(one): one for one in blocks}
    return header(raw(blocks[0])) + b"".join(frame(cid, len(one)) + one for cid, one in each.items())


def read(staged: Staged, made: list[BundleEntry], blocks: list[bytes], folder: Path) -> BundleVerdict:
    keys = Keys()
    list(entries(staged.mined, staged.manifest(), keys))
    pages = list(paged(made))
    manifest = staged.manifest()._replace(keys=keys.points, pages=tuple(raw(one).digest for one in pages))
    path = folder / "bent.car"
    path.write_bytes(car(manifest.encode(), *pages, *blocks))
    return check_bundle(path)  # conftest.py compares it with the verifier's


def listed(staged: Staged) -> list[BundleEntry]:
    return list(entries(staged.mined, staged.manifest(), Keys()))


def bent(chance: random.Random, made: list[BundleEntry]) -> list[BundleEntry]:
    made = list(made)
    for _ in range(chance.choice([1, 1, 2, 3])):
        place = chance.randrange(len(made))
        one = made[place]
        what = chance.randrange(7)
        if what < 2:
            made[place] = BundleEntry(one.block, one.time, hash=chance.randbytes(32))
        elif what == 2:
            del made[place]
        elif what == 3:
            made[place] = one._replace(time=one.time + chance.choice([-1, 1, 700, 100_000]))
        elif what == 4:
            made[place] = one._replace(block=max(0, one.block + chance.choice([-1, 1, 300])))
        elif what == 5:
            made[place] = one._replace(signer=chance.randrange(5))
        else:
            other = chance.randrange(len(made))
            made[place], made[other] = made[other], one
    return made


@pytest.mark.parametrize("seed", range(4))
def test_gaps_and_what_is_lost_or_exchanged(seed: int, staged: Staged, blocks: list[bytes], tmp_path: Path) -> None:
    chance, whole = random.Random(seed), listed(staged)
    assert read(staged, whole, blocks, tmp_path).verdict == "VERIFIED"
    verdicts = {read(staged, bent(chance, whole), blocks, tmp_path).verdict for _ in range(EACH)}
    assert {"MALFORMED", "UNKNOWN"} <= verdicts


@pytest.mark.parametrize("seed", range(4))
def test_single_bits_of_pages_and_manifests(seed: int, staged: Staged, blocks: list[bytes], tmp_path: Path) -> None:
    chance, (page,) = random.Random(seed), list(paged(listed(staged)))
    keys = Keys()
    list(entries(staged.mined, staged.manifest(), keys))
    path = tmp_path / "bent.car"
    for _ in range(EACH):
        made, manifest = bytearray(page), staged.manifest()._replace(keys=keys.points)
        if chance.random() < 0.7:
            made[chance.randrange(len(made))] ^= 1 << chance.randrange(8)
        root = bytearray(manifest._replace(pages=(raw(bytes(made)).digest,)).encode())
        if bytes(made) == page:
            root[chance.randrange(len(root))] ^= 1 << chance.randrange(8)
        path.write_bytes(car(bytes(root), bytes(made), *blocks))
        check_bundle(path)


@pytest.mark.parametrize("seed", range(3))
def test_files_that_are_lost_or_damaged(seed: int, staged: Staged, blocks: list[bytes], tmp_path: Path) -> None:
    chance, whole = random.Random(seed), listed(staged)
    verdicts = set()
    for _ in range(EACH):
        left = [one for one in blocks if chance.random() < 0.95]
        verdicts.add(read(staged, whole, left, tmp_path).verdict)
    assert "UNKNOWN" in verdicts
