"""The embedded store: crashes, full disks, damage, several processes."""

import errno
import io
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.content.folders import indexed_again
from support.content.holders import Memory
from support.crashing import store as crashing
from support.crashing.store import DATA

from ledger.errors import Corrupt, Malformed, Unavailable
from ledger.formats.cid import CHUNK, Cid, raw
from ledger.store import car, disk, files, maintenance, packs
from ledger.store.block_index import BlockIndex
from ledger.store.embedded import Embedded
from ledger.store.holders import Holders


def state(folder: Path) -> dict[str, bytes]:
    """What a store that is opened again holds: every pin's content, every block checked."""
    store = Embedded(folder)
    try:
        assert [found for found in maintenance.scrub(store) if found.problem] == []
        assert list(maintenance.check_pinned(store)) == []
        assert list((folder / "parts").iterdir()) == []
        return {name: b"".join(files.read(store, cid)) for name, cid in store.pins().items()}
    finally:
        store.close()


@pytest.mark.parametrize("kept", [False, True], ids=["effect lost", "effect kept"])
@pytest.mark.parametrize("operation", ["put", "replace", "pin", "unpin"])
def test_every_crash_leaves_all_or_nothing(tmp_path: Path, operation: str, kept: bool) -> None:
    """Kill the writer at each effect in turn; afterwards the change is there whole or not at all."""
    after = {
        "put": {"old": b"old", "new": DATA},
        "replace": {"old": b"old", "new": b"old"},
        "pin": {"old": b"old", "new": b"old"},
        "unpin": {},
    }[operation]
    outcomes = []
    for number in range(1, 60):
        folder = tmp_path / str(number)
        Embedded(folder, create=True).put([b"old"], "old")
        code = crashing.change(folder, operation, number, kept)
        assert code in {0, -signal.SIGKILL}
        found = state(folder)
        assert found in ({"old": b"old"}, after)
        outcomes.append(found == after)
        if code == 0:
            break
    else:
        pytest.fail("the operation never ended")
    assert outcomes == sorted(outcomes)
    assert outcomes[-1]
    assert len(outcomes) > 1
    store = Embedded(tmp_path / "1")
    assert store.put([DATA], "later") in store.pins().values()
    store.close()


def test_a_torn_pin_is_skipped_and_cut(embedded: Embedded) -> None:
    cid = embedded.put([b"kept"], "kept")
    with embedded.pin_journal.path.open("ab") as journal:
        journal.write(b'{"cid":"baf')
    assert embedded.pins() == {"kept": cid}
    embedded.pin("more", cid)
    assert embedded.pins() == {"kept": cid, "more": cid}


def test_a_pin_is_written_once(embedded: Embedded) -> None:
    cid, other = embedded.put([b"kept"], "kept"), embedded.put([b"more"], "more")
    before = embedded.pin_journal.path.read_bytes()
    embedded.pin("kept", cid)
    embedded.put([b"kept"], "kept")
    assert embedded.pin_journal.path.read_bytes() == before
    embedded.pin("kept", other)
    embedded.pin("kept", cid)
    embedded.unpin("more")
    assert embedded.pins() == {"kept": cid}


def test_a_pin_that_another_process_wrote_is_synced_before_it_is_relied_on(
    embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That process may have been killed between its write and its sync: the line is there, and not on the disk yet."""
    cid = embedded.put([b"kept"], "kept")
    line = embedded.pin_journal.path.read_bytes().replace(b'"kept"', b'"more"')
    with embedded.pin_journal.path.open("ab") as journal:
        journal.write(line)
    synced = list[Path]()
    monkeypatch.setattr(disk, "sync", lambda _, path: synced.append(path))
    embedded.pin("more", cid)
    embedded.pin("more", cid)
    embedded.pin("kept", cid)
    assert synced == [embedded.pin_journal.path]


def test_a_damaged_pin_is_damage(embedded: Embedded) -> None:
    embedded.put([b"one"], "one")
    embedded.put([b"two"], "two")
    journal = embedded.pin_journal.path
    journal.write_bytes(journal.read_bytes().replace(b"one", b"\xffne", 1))
    with pytest.raises(Corrupt, match="line 1"):
        embedded.pins()
    with pytest.raises(Corrupt):
        maintenance.collect(embedded)


@pytest.mark.parametrize("where", ["write", "sync", "publish", "append", "index"])
def test_a_full_disk_is_unavailable_and_leaves_nothing(
    embedded: Embedded, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    before = embedded.put([b"before"], "before")
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fail(*_: object) -> None:
        if where == "index":
            raise Unavailable("cannot use the index: database or disk is full")
        with disk.translated(embedded.folder / "packs" / "x"):
            raise full

    monkeypatch.setattr(*((BlockIndex, "replace") if where == "index" else (disk, where)), fail)
    with pytest.raises(Unavailable) as caught:
        embedded.put([DATA], "more")
    monkeypatch.undo()
    if where != "index":
        assert "No space left" in str(caught.value)
        assert str(embedded.folder) in str(caught.value)
        assert isinstance(caught.value.facts["free_bytes"], int)
    assert state(embedded.folder) == {"before": b"before"}
    assert len(embedded.pack_paths()) == 1
    assert embedded.pins() == {"before": before}
    assert embedded.put([DATA], "more")


def test_a_real_limit_on_file_size_is_unavailable(embedded: Embedded) -> None:
    assert crashing.put_without_room(embedded.folder) == crashing.TOO_LARGE
    assert state(embedded.folder) == {}


@pytest.mark.parametrize("damage", ["gone", "garbage", "old version", "overwritten"])
def test_the_index_is_made_anew(embedded: Embedded, damage: str) -> None:
    cid = embedded.put([DATA], "file")
    embedded.close()
    path = embedded.folder / "index.db"
    if damage == "gone":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(b"no database at all" * 1000)
    elif damage == "old version":
        database = sqlite3.connect(path)
        database.execute("PRAGMA user_version = 99")
        database.close()
    else:
        data = path.read_bytes()
        path.write_bytes(data[:100] + b"\xff" * (len(data) - 100))
    store = Embedded(embedded.folder)
    assert b"".join(files.read(store, cid)) == DATA
    assert store.totals() == (4, len(DATA) + len(store.get(cid)))
    store.close()


def test_an_open_store_survives_a_rebuilt_index(embedded: Embedded) -> None:
    cid = embedded.put([b"one"], "one")
    (embedded.folder / "index.db").unlink()
    other = Embedded(embedded.folder)
    new = other.put([b"two"], "two")
    assert bytes(embedded.get(new)) == b"two"
    assert bytes(embedded.get(cid)) == b"one"
    assert embedded.put([b"three"], "three") in other.pins().values()
    other.close()


def test_damage_is_corrupt_and_named(embedded: Embedded) -> None:
    cid = embedded.put([DATA], "file")
    (path,) = embedded.pack_paths()
    data = bytearray(path.read_bytes())
    data[CHUNK + 300] ^= 1
    path.write_bytes(data)
    with pytest.raises(Corrupt) as caught:
        list(files.read(embedded, cid))
    (found,) = [checked for checked in maintenance.scrub(embedded) if checked.problem]
    assert (found.pack, str(found.cid)) == (path, str(caught.value.facts["block"]))
    assert found.offset <= CHUNK + 300 < found.offset + found.length
    assert caught.value.facts["holder"] == "own store"
    embedded.put([DATA], "file", replace=True)
    assert b"".join(files.read(embedded, cid)) == DATA
    assert [checked for checked in maintenance.scrub(embedded) if checked.problem] == []


@pytest.mark.parametrize("length", [10, 59, 80, CHUNK, 2 * CHUNK + 100])
def test_a_cut_pack_is_found(embedded: Embedded, length: int) -> None:
    cid = embedded.put([DATA], "file")
    (path,) = embedded.pack_paths()
    os.truncate(path, length)
    assert [checked for checked in maintenance.scrub(embedded) if checked.problem]
    embedded = indexed_again(embedded)
    with pytest.raises(Unavailable):
        list(files.read(embedded, cid))
    assert list(maintenance.check_pinned(embedded))


@pytest.mark.parametrize("length", [car.HEADER - 1, CHUNK // 2, CHUNK + 1000, -1])
@pytest.mark.parametrize("way", ["heal", "keep", "put"])
def test_a_torn_pack_is_written_again(embedded: Embedded, length: int, way: str) -> None:
    """Also where the index, which was rebuilt since, lists what is left of it."""
    torn = torn_copy(embedded, DATA, length)
    other = Memory()
    cid = other.add(DATA)
    holders = Holders(torn, (other,))
    assert holders.trouble(cid) is not None
    if way == "put":
        torn.put([DATA], "pin")
    else:
        holders.keep(cid, "pin", heal=way == "heal")
    assert holders.trouble(cid) is None
    torn.close()
    assert state(embedded.folder) == {"pin": DATA}


def test_an_imported_pack_whose_root_is_all_that_is_left_is_written_again(embedded: Embedded, tmp_path: Path) -> None:
    """A CAR from elsewhere begins with its root: the root alone says nothing of the rest."""
    cid = embedded.put([DATA], "pin")
    exported = io.BytesIO()
    embedded.export_car(cid, exported)
    path = embedded.packs / packs.name_of(cid)
    embedded.unpin("pin")
    maintenance.collect(embedded)
    embedded.import_car(io.BytesIO(exported.getvalue()), "pin")
    os.truncate(path, CHUNK // 2)
    embedded = indexed_again(embedded)
    assert embedded.has(cid)
    embedded.put([DATA], "pin")
    assert Holders(embedded).trouble(cid) is None


@pytest.mark.parametrize("rebuilt", [True, False])
def test_collect_keeps_the_good_copy_of_a_file_whose_own_pack_is_not(embedded: Embedded, rebuilt: bool) -> None:
    small = DATA[:1000]
    if rebuilt:
        store = torn_copy(embedded, small, 500)
    else:
        store = embedded
        os.truncate(store.packs / packs.name_of(store.put([small], "pin")), 500)
    store.put_all([("pin", small), ("other", b"other")])
    store.unpin("other")
    maintenance.collect(store)
    assert Holders(store).trouble(store.pins()["pin"]) is None
    store.put([small], "pin", replace=True)
    maintenance.collect(store)
    assert [path.name for path in store.pack_paths()] == [packs.name_of(store.pins()["pin"])]
    store.close()


def torn_copy(store: Embedded, data: bytes, length: int) -> Embedded:
    """The store, opened again with an index made of what is left of the pack of a file that was put there."""
    path = store.packs / packs.name_of(store.put([data], "pin"))
    os.truncate(path, length if length >= 0 else path.stat().st_size + length)
    return indexed_again(store)


def test_a_good_copy_in_another_pack_is_read(embedded: Embedded) -> None:
    shared = bytes(CHUNK)
    embedded.put([shared, b"a"], "a")
    embedded.put([shared, b"b"], "b")
    for path in embedded.pack_paths():
        good = path.read_bytes()
        path.write_bytes(good.replace(bytes(9), b"\1" * 9, 1))
        assert bytes(embedded.get(raw(shared))) == shared
        path.write_bytes(good)


def test_collect_removes_only_what_no_pin_keeps(embedded: Embedded) -> None:
    kept, gone = embedded.put([DATA], "kept"), embedded.put([b"gone"], "gone")
    inner = embedded.put([b"first" + DATA], "whole")
    part = raw((b"first" + DATA)[:CHUNK])
    embedded.pin("part", part)
    for name in ("gone", "whole"):
        embedded.unpin(name)
    assert maintenance.collect(embedded, pretend=True) == maintenance.collect(embedded)
    assert embedded.has(kept)
    assert not embedded.has(gone)
    assert embedded.has(inner)
    assert maintenance.collect(embedded) == []
    embedded.unpin("part")
    assert len(maintenance.collect(embedded)) == 1
    assert state(embedded.folder) == {"kept": DATA}


def test_a_reader_sees_what_another_process_stores(embedded: Embedded) -> None:
    code = (
        "import sys; from pathlib import Path; from ledger.store.embedded import Embedded\n"
        "print(Embedded(Path(sys.argv[1])).put([b'from elsewhere'], 'theirs'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(embedded.folder)], capture_output=True, text=True, check=True
    )
    cid = Cid.parse(done.stdout.strip())
    assert bytes(embedded.get(cid)) == b"from elsewhere"
    assert embedded.pins() == {"theirs": cid}


def test_many_processes_write_at_once(embedded: Embedded) -> None:
    assert crashing.put_side_by_side(embedded.folder, 4, 5) == [0] * 4
    assert len(state(embedded.folder)) == 20


def test_a_pack_that_is_gone_before_it_was_looked_at(embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process published it, or gave it up, since the folder was listed."""
    looked_at = []

    def late(path: Path) -> bool:
        path.unlink()
        looked_at.append(path)
        return abandoned(path)

    abandoned = disk.abandoned
    monkeypatch.setattr(disk, "abandoned", late)
    (embedded.folder / "parts" / "00.part").touch()
    Embedded(embedded.folder).close()
    assert [path.name for path in looked_at] == ["00.part"]


def test_a_pack_being_written_is_not_swept(embedded: Embedded) -> None:
    with packs.writing(embedded.folder / "parts") as pack:
        pack.add([b"not yet"])
        Embedded(embedded.folder).close()
        assert pack.path.exists()
    assert not pack.path.exists()


def test_a_folder_that_is_not_a_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no store"):
        Embedded(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()
    store = Embedded(tmp_path / "store", create=True)
    store.close()
    (tmp_path / "store" / "format").write_text("fedledger store 2\n")
    with pytest.raises(Malformed, match="version"):
        Embedded(tmp_path / "store")


def test_a_lock_that_is_kept_is_unavailable(embedded: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.store.embedded.PATIENCE", 0.1)
    with embedded.locked():
        other = Embedded(embedded.folder)
        with pytest.raises(Unavailable, match="locked"):
            other.put([b"x"], "x")
        other.close()


def test_what_repeats_in_a_file_is_there_once(embedded: Embedded) -> None:
    """Blocks of one group are hashed side by side; those after a repeated one move up."""
    data = DATA[:CHUNK] + bytes(3 * CHUNK) + DATA
    cid = embedded.put([data], "file")
    (path,) = embedded.pack_paths()
    again = Embedded(embedded.folder.parent / "other", create=True)
    assert again.put((data[at : at + 1000] for at in range(0, len(data), 1000)), "file") == cid
    assert path.read_bytes() == again.pack_paths()[0].read_bytes()
    assert path.stat().st_size < len(data) - 2 * CHUNK
    assert b"".join(files.read(embedded, cid)) == data
    again.close()
    assert state(embedded.folder) == {"file": data}


def test_a_source_that_fills_one_buffer_again_is_stored_as_it_came(embedded: Embedded) -> None:
    buffer = bytearray(2 * CHUNK)

    def filled() -> Iterator[memoryview]:
        for number in range(3):
            buffer[:] = bytes([number]) * len(buffer)
            yield memoryview(buffer)

    cid = embedded.put(filled(), "file")
    assert b"".join(files.read(embedded, cid)) == b"".join(bytes([number]) * len(buffer) for number in range(3))


def test_a_damaged_block_among_many_is_named(embedded: Embedded) -> None:
    data = os.urandom(11 * CHUNK)
    cid = embedded.put([data], "file")
    (path,) = embedded.pack_paths()
    bad = raw(data[9 * CHUNK : 10 * CHUNK])
    whole = bytearray(path.read_bytes())
    whole[whole.index(bytes(bad)) + 36] ^= 1
    path.write_bytes(whole)
    with pytest.raises(Corrupt) as caught:
        list(files.read(embedded, cid))
    assert caught.value.facts["block"] == bad


def test_a_disk_that_fails_in_the_middle_of_a_long_file_leaves_nothing(
    embedded: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk reports a failure once: to the sync that began before the file was whole."""
    calls: list[int] = []

    def fail_once(handle: int, path: Path) -> None:
        calls.append(handle)
        if len(calls) == 1:
            raise Unavailable("cannot write: Input/output error")

    monkeypatch.setattr(packs, "STRIDE", CHUNK)
    monkeypatch.setattr(disk, "sync", fail_once)
    with pytest.raises(Unavailable, match="Input/output"):
        embedded.put((DATA for _ in range(3)), "file")
    monkeypatch.undo()
    assert calls
    assert state(embedded.folder) == {}
