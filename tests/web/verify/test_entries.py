"""A bundle's pages are shared out among workers: what is wrong with several is told as in one pass after the other."""

import random
from pathlib import Path
from typing import Any

import pytest
from support.bundles import Staged

from ledger.bundle import verify_bundle
from ledger.bundle.check import check_bundle
from ledger.bundle.entries import Keys, entries
from ledger.bundle.form import BundleEntry
from ledger.chain import rlp
from ledger.formats.cid import raw
from ledger.formats.digest import sha256
from ledger.store.car import frame, header

TRIES = 60


@pytest.fixture(scope="module")
def staged() -> Staged:
    return Staged().honest_round().honest_round()


def bend(kind: str, made: list[BundleEntry], at: int) -> list[BundleEntry]:
    """The entries with one fault at a place, found in another pass or at another moment each."""
    one = made[at]
    match kind:
        case "late":
            one = one._replace(time=one.time + 10_000)
        case "unsigned":
            one = one._replace(y=bytes(31) + b"\1")
        case "no transaction":
            one = one._replace(raw=b"\xc0")
        case "no call":
            one = one._replace(raw=one.raw.replace(one.raw[40:60], bytes(20), 1))
        case "another's":
            one = one._replace(signer=(one.signer + 1) % 4)
        case "twice":
            return [*made[:at], one, *made[at:]]
        case "left out":
            return [*made[:at], *made[at + 1 :]]
    return [*made[:at], one, *made[at + 1 :]]


FAULTS = ("late", "unsigned", "no transaction", "no call", "another's", "twice", "left out", "no page")


def test_faults_on_several_pages_are_told_in_the_order_of_passes(modules: Any, staged: Staged, tmp_path: Path) -> None:
    source, seen, path = random.Random(11), set(), tmp_path / "b.car"
    keys = Keys()
    right = list(entries(staged.mined, staged.manifest(), keys))
    for _ in range(TRIES):
        made, size = right, source.randint(1, 12)
        faults = source.sample(FAULTS, source.randint(1, 3))
        for kind in faults:
            made = bend(kind, made, source.randrange(len(made)))
        pages = [rlp.enclose(*(one.encode() for one in made[at : at + size])) for at in range(0, len(made), size)]
        digests = list(map(sha256, pages))
        if "no page" in faults:
            digests[source.randrange(len(digests))] = b"\1" * 32
        manifest = staged.manifest()._replace(keys=keys.points, pages=tuple(digests)).encode()
        blocks = {sha256(one): one for one in (manifest, *pages)}
        path.write_bytes(header(raw(manifest)) + b"".join(frame(raw(b), len(b)) + b for b in blocks.values()))
        expected = check_bundle(path)
        assert modules("bundle", str(path)).encode() == expected.encode(), faults
        assert verify_bundle.verify(str(path)).encode() == expected.encode(), faults
        seen |= {one.code for one in expected.findings if one.check == "BUNDLE"}
    assert seen >= {"PAGE", "ORDER", "TRANSACTION", "SIGNATURE", "REFUSED"}
