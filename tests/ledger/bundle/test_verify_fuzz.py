"""Bundles of the corpus, bent and hashed again: project and verifier say the same, where no signature stops them first.

Entries are lost, exchanged, repeated and put at other times and under other keys, words of calls and of convictions are
changed. Signatures are taken for right by both, so that it is the rules that are asked. `FEDLEDGER_FUZZ=100000` in the
environment sets how many are tried; some hundreds without it.
"""

import os
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ledger.bundle import check, verify_bundle
from ledger.chain import rlp
from ledger.formats.cid import raw
from ledger.formats.digest import sha256
from ledger.store.car import frame, header

CORPUS = Path(__file__).resolve().parents[2] / "corpus"
INPUTS = int(os.environ.get("FEDLEDGER_FUZZ", "200"))
LARGEST = 30_000
SECONDS = (-1, 1, 60, 599, 600, 601, 1300, 100_000)
SCOPE, KEYS, PAGES, CONVICTIONS = 4, 6, 7, 8
CALLDATA = {0: 5, 1: 6}
"""Where the calldata stands in a transaction of a type; of later ones at 7."""
Entry = list[Any]


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both readers take signatures for right."""
    monkeypatch.setattr(check, "is_signed", lambda *_: True)
    monkeypatch.setattr(verify_bundle, "all_hold", lambda _: True)


class Bender:
    """Bends bundles, as a seed has it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def bend(self, blocks: list[bytes]) -> bytes:
        """A bundle of these blocks, of which the first is the manifest; some of it otherwise, its digests right."""
        manifest: list[Any] = rlp.decode(blocks[0])  # type: ignore[assignment]
        by_digest = {sha256(block): block for block in blocks[1:]}
        entries = [entry for page in manifest[PAGES] for entry in rlp.decode(by_digest.pop(page))]
        for _ in range(self.chance.choice([0, 1, 1, 1, 2, 3])):
            with suppress(ValueError, IndexError):
                self.chance.choice(self.WAYS)(self, entries, len(manifest[KEYS]))
        if self.chance.random() < 0.15:
            self._scope(manifest[SCOPE])
        if by_digest and self.chance.random() < 0.1:
            del by_digest[self.chance.choice(list(by_digest))]
        for place, digest in enumerate(manifest[CONVICTIONS]):
            if digest in by_digest and self.chance.random() < 0.6:
                block = self._words(by_digest[digest])
                manifest[CONVICTIONS][place] = sha256(block)
                by_digest[sha256(block)] = block
        page = rlp.encode(entries)
        manifest[PAGES] = [sha256(page)] if entries else []
        made = {sha256(one): one for one in (rlp.encode(manifest), page, *by_digest.values())}
        first = next(iter(made.values()))
        return header(raw(first)) + b"".join(frame(raw(one), len(one)) + one for one in made.values())

    def _lost(self, entries: list[Entry], _: int) -> None:
        del entries[self.chance.randrange(len(entries))]

    def _exchanged(self, entries: list[Entry], _: int) -> None:
        one, other = (self.chance.randrange(len(entries)) for _ in range(2))
        entries[one], entries[other] = entries[other], entries[one]

    def _repeated(self, entries: list[Entry], _: int) -> None:
        place = self.chance.randrange(len(entries))
        entries.insert(place, list(entries[place]))

    def _gap(self, entries: list[Entry], _: int) -> None:
        place = self.chance.randrange(len(entries))
        entries[place] = [*entries[place][:2], bytes(32)]

    def _gap_before(self, entries: list[Entry], _: int) -> None:
        entries.insert(0, [*entries[0][:2], b"\7" * 32])

    def _later(self, entries: list[Entry], _: int) -> None:
        seconds = self.chance.choice(SECONDS)
        for entry in entries[self.chance.randrange(len(entries)) :]:
            entry[1] = rlp.number(max(0, int.from_bytes(entry[1]) + seconds))

    def _signer(self, entries: list[Entry], keys: int) -> None:
        self.chance.choice(entries)[2] = rlp.number(self.chance.randrange(keys + 1))

    def _unsigned(self, entries: list[Entry], _: int) -> None:
        entry = self.chance.choice(entries)
        place = 32 * self.chance.randrange(1, len(entry[3]) // 32)
        entry[3] = entry[3][:place] + self.chance.choice([bytes(32), b"\1" * 32]) + entry[3][place + 32 :]

    def _call(self, entries: list[Entry], _: int) -> None:
        entry = self.chance.choice(entries)
        kind = entry[4][:1] if entry[4][0] < 0xC0 else b""
        fields: list[Any] = rlp.decode(entry[4][len(kind) :])  # type: ignore[assignment]
        place = CALLDATA.get(int.from_bytes(kind), 7)
        fields[place] = self._words(fields[place])
        entry[4] = kind + rlp.encode(fields)

    def _words(self, data: bytes) -> bytes:
        """Calldata with a word or two changed."""
        made = bytearray(data)
        for _ in range(self.chance.choice([1, 1, 2]) if len(data) > 35 else 0):
            one, other = (4 + 32 * self.chance.randrange(len(data) // 32) for _ in range(2))
            match self.chance.randrange(4):
                case 0:
                    made[one + 31] = (made[one + 31] + self.chance.choice([1, 2, 255])) % 256
                case 1:
                    made[self.chance.randrange(len(made))] ^= 1 << self.chance.randrange(8)
                case 2:
                    made[one : one + 32] = bytes(32)
                case _:
                    made[one : one + 32] = made[other : other + 32]
        return bytes(made)

    def _scope(self, scope: list[Any]) -> None:
        place = self.chance.randrange(5)
        kinds = [b"release", b"rounds", b"evidence", b"conviction"]
        names = [b"", b"name@1", b'"']
        scope[place] = self.chance.choice([kinds, *[[rlp.number(one) for one in range(4)]] * 3, names][place])

    WAYS: tuple[Callable[["Bender", list[Entry], int], None], ...] = (
        *(_lost, _exchanged, _repeated, _gap, _gap_before, _later, _signer, _unsigned),
        *[_call] * 4,
    )


def blocks_of(path: Path) -> list[bytes]:
    archive = verify_bundle.Archive(str(path))
    with archive.file:
        archive.index()
        return [archive.get(digest) for digest in archive.blocks]


@pytest.mark.usefixtures("trusting")
@pytest.mark.timeout(max(900, INPUTS))
def test_what_is_bent_is_read_alike_when_signatures_are_not_asked(tmp_path: Path) -> None:
    folders = ("honest", "caught", "lies", "unknown")
    paths = sorted(path for one in folders for path in (CORPUS / one).glob("*.car") if path.stat().st_size < LARGEST)
    known, bender, path = [blocks_of(one) for one in paths], Bender(1), tmp_path / "it.car"
    found = set()
    for number in range(INPUTS):
        path.write_bytes(bender.bend(bender.chance.choice(known)))
        verdict = check.check_bundle(path)
        assert verify_bundle.verify(str(path)).encode() == verdict.encode(), f"input {number}"
        found |= {verdict.verdict, *(one.code for one in verdict.findings)}
    assert {"MALFORMED", "UNKNOWN", "REFUTED", "VERIFIED", "ORDER", "CALL", "REFUSED", "GAP", "UNREPLAYED"} <= found
