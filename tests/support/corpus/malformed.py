"""Files that are no bundles, or were changed: MALFORMED, with the place, and nobody is blamed."""

from collections.abc import Callable, Sequence
from typing import Any

from support.bundles import CHAIN, Mined
from support.corpus.scene import FALSE, Case, Draw, Scene, car
from support.worlds.signing import _SECRETS, key, transaction

from ledger.bundle.calls import key_of
from ledger.bundle.entries import Keys, entry
from ledger.bundle.form import BundleEntry, BundleScope
from ledger.chain import rlp
from ledger.formats.cid import raw
from ledger.formats.digest import sha256
from ledger.formats.signatures import ORDER
from ledger.store.car import HEADER, frame, header, parse_frame


def cut(draw: Draw) -> Case:
    """A file that ends too early: in the header, in a length, in a block, or before the manifest's pages."""
    data = _whole(draw)
    return Case(data[: (0, 30, HEADER + 2, len(data) // 2, len(data) - 1)[draw.seed]])


def header_bent(draw: Draw) -> Case:
    """A header that differs by one bit from the only one that there is."""
    return Case(_bent(_whole(draw), draw.below(23), draw.seed))


def lengths_that_lie(draw: Draw) -> Case:
    """Sections longer than the file, empty, over the bound, or with a length in a second form."""
    data = _whole(draw)
    lies = (b"\xff\xff\xff\x7f", b"\x00", b"\xff" * 12, b"\x80\x00", b"\xa5\x80\x00")
    return Case(data + lies[draw.seed] + bytes(40))


def block_bent(draw: Draw) -> Case:
    """A byte of a block that is another."""
    data = _whole(draw)
    _, used, length = parse_frame(data[HEADER:], "the bundle", HEADER)
    first = HEADER + used
    return Case(_bent(data, first + draw.below(length) if draw.seed % 2 else len(data) - 1 - draw.seed, draw.seed))


def block_repeated(draw: Draw) -> Case:
    """A block that is there twice."""
    scene = Scene(draw).honest()
    data = scene.of_entries(scene.entries(), scene.blocks())
    again = scene.blocks()[draw.seed]
    return Case(data + frame(raw(again), len(again)) + again)


def manifest_elsewhere(draw: Draw) -> Case:
    """An archive whose root is not its first block, or is not there."""
    blocks = _sections(_whole(draw))
    names = [raw(b"%d" % draw.seed), raw(blocks[1])]
    return Case(header(names[draw.seed % 2]) + b"".join(frame(raw(one), len(one)) + one for one in blocks))


def own_verdict(draw: Draw) -> Case:
    """A manifest that states a verdict of its own."""
    more = (b"VERIFIED", b"", [b"VERIFIED"], rlp.number(1), [])[draw.seed]
    return _of_manifest(draw, lambda item: [*item, more])


def nested(draw: Draw) -> Case:
    """Lists in lists, where a manifest is to be."""
    depth = (5, 6, 100, 1_000, 3_000)[draw.seed]
    item: rlp.Item = []
    block = rlp.encode(item)
    for _ in range(depth):
        block = rlp.enclose(block)
    return Case(car(block))


def second_form(draw: Draw) -> Case:
    """A manifest in a second encoding of the same: zeros in front, long lengths, bytes left over."""
    block = _sections(_whole(draw))[0]
    long = b"\xfa" + (len(block) - 3).to_bytes(3) + block[3:]
    chain = block.replace(b"\x82\x7a\x69", b"\x83\x00\x7a\x69", 1)
    one = block.replace(b"\x85round\x73", b"\x85round\x53", 1)
    forms = (long, b"\xf9" + (len(chain) - 3).to_bytes(2) + chain[3:], block + b"\x80", block[:-1], one)
    return Case(car(forms[draw.seed]))


def manifest_of_no_form(draw: Draw) -> Case:
    """A manifest with one item that it cannot have: another format, no chain, contracts twice, a scope of no kind."""

    def changed(item: list[Any]) -> list[Any]:
        if draw.seed == 0:
            item[0] = b"bundle/1"
        elif draw.seed == 1:
            item[1] = b""
        elif draw.seed == 2:
            item[2][1] = item[2][0]
        elif draw.seed == 3:
            item[4][0] = b"round"
        else:
            item[3][2] = item[3][2][:2]
        return item

    return _of_manifest(draw, changed)


def key_bent(draw: Draw) -> Case:
    """A key that is no point of the curve, or there twice."""
    scene = Scene(draw).honest()
    points = scene.points()
    changed = (
        [*points, points[0]],
        [*points, FALSE * 2],
        [bytes(64), *points],
        [*points, b"\xff" * 64],
        [_bent(points[0], 63, 0), *points[1:]],
    )
    return Case(scene.of_entries(scene.entries(), keys=tuple(changed[draw.seed])))


def page_of_no_form(draw: Draw) -> Case:
    """A page that is missing, empty, no list, of other fields, or names a signer that there is not."""
    scene = Scene(draw).honest()
    first = scene.entries()[0]
    pages = (
        b"",
        b"\xc0",
        b"page",
        rlp.encode([[rlp.number(first.block), rlp.number(first.time), FALSE, b""]]),
        rlp.enclose(first._replace(signer=9).encode()),
    )
    if draw.seed == 0:
        return Case(scene.of_entries(scene.entries(), pages=(FALSE,)))
    page = pages[draw.seed]
    manifest = scene.manifest()._replace(keys=tuple(scene.points()), pages=(sha256(page),))
    return Case(car(manifest.encode(), page))


def another_chain(draw: Draw) -> Case:
    """A transaction of another chain, or a manifest of one."""
    scene = Scene(draw).honest()
    if draw.seed % 2:
        return Case(scene.of_entries(scene.entries(), chain=1 + draw.seed))
    place = 2 + draw.seed
    return _with_raw(scene, place, _signed_again(scene, place, chain=1))


def another_contract(draw: Draw) -> Case:
    """A call of another contract, or a manifest of another ledger."""
    scene = Scene(draw).honest()
    if draw.seed % 2:
        contracts = list(scene.draft.contracts)
        contracts[1] = key(9)
        return Case(scene.of_entries(scene.entries(), contracts=tuple(contracts)))
    place = 2 + draw.seed
    return _with_raw(scene, place, _signed_again(scene, place, to=key(9)))


def another_founding(draw: Draw) -> Case:
    """Members' transactions under founders of somebody else's."""
    scene = Scene(draw).honest()
    founders = tuple(
        one._replace(key=key(20 + place) if place <= draw.seed else one.key)
        for place, one in enumerate(scene.draft.founders)
    )
    return Case(scene.of_entries(scene.entries(), founders=founders))


def another_network(draw: Draw) -> Case:
    """A bundle that fits together, of another founder, block or chain than the network file beside it has."""
    scene = Scene(draw).honest()
    named = ((scene.keys[2], key(9)), ("block = 10", "block = 11"), ("id = 31337", "id = 31338"))
    old, new = named[draw.seed]
    network = scene.network().replace(old.encode(), new.encode())
    return scene.case()._replace(network=network)


def no_transaction(draw: Draw) -> Case:
    """What stands for a transaction is none in its one form: cut, of type 3, with bytes left over, not a list."""
    scene = Scene(draw).honest()
    place = 1 + draw.seed
    right = scene.mined[place].raw
    forms = (right[:-1], b"\x03" + right[1:], right + b"\0", b"\x02\x80", b"\x7f")
    return _with_raw(scene, place, forms[draw.seed])


def another_call(draw: Draw) -> Case:
    """A call that no bundle has, one of another job, or cut."""
    scene = Scene(draw).honest()
    place = 3
    data = _data(scene.mined[place].raw)
    if draw.seed == 4:
        return Case(scene.of_entries(scene.entries(), scope=BundleScope("rounds", 2, 1)))
    forms = (FALSE[:4] + data[4:], data[:-32], data[:-1], data[:4] + b"\1" + data[5:])
    return _with_raw(scene, place, _signed_again(scene, place, data=forms[draw.seed]))


def exchanged(draw: Draw) -> Case:
    """Two entries in each other's place."""
    scene = Scene(draw).honest()
    made = scene.entries()
    place = 1 + draw.seed
    made[place], made[place + 1] = made[place + 1], made[place]
    return Case(scene.of_entries(made))


def transaction_twice(draw: Draw) -> Case:
    """A transaction that is there twice, in blocks that fit."""
    scene = Scene(draw).honest()
    made = scene.entries()
    last = made[-1]
    again = made[draw.seed + 1]._replace(block=last.block, time=last.time)
    return Case(scene.of_entries([*made, again]))


def times_that_fall(draw: Draw) -> Case:
    """A block or a time before the one before it, after the last one, or two times of one block."""
    scene = Scene(draw).honest()
    made = scene.entries()
    one = made[4]
    changes = ({"time": made[3].time - 1}, {"block": made[3].block - 1}, {"block": made[3].block}, {"block": 1 << 20})
    made[4] = one._replace(**(changes[draw.seed] if draw.seed < 4 else {"block": 9}))
    return Case(scene.of_entries(made))


def signature_bent(draw: Draw) -> Case:
    """A signature that is not the key's: s or r bent, y of the other sign, the key of another member."""
    scene = Scene(draw).honest()
    made = scene.entries()
    place = 2
    one = made[place]
    entries = (
        one._replace(raw=_bent(one.raw, len(one.raw) - 1, 0)),
        one._replace(raw=_bent(one.raw, len(one.raw) - 40, 0)),
        one._replace(y=FALSE),
        one._replace(y=bytes(32)),
        one._replace(raw=_high_s(one.raw)),
    )
    made[place] = entries[draw.seed]
    return Case(scene.of_entries(made))


def another_signer(draw: Draw) -> Case:
    """An entry that names another key than the one that signed: the bundle's fault, and not that key's."""
    scene = Scene(draw).honest()
    made = scene.entries()
    place = len(made) - 1 - draw.seed % 2
    made[place] = made[place]._replace(signer=2)
    return Case(scene.of_entries(made))


def failed_transaction(draw: Draw) -> Case:
    """A transaction that failed, offered as evidence."""
    scene = Scene(draw).honest()
    calls: Sequence[tuple[Any, ...]] = (
        (1, "ledger", "commitUpdate", 1, 9, b"\x01" * 28),
        (2, "ledger", "attest", 1, 1, 1, 0, FALSE, FALSE),
        (0, "ledger", "advance", 1, 1),
        (1, "consortium", "rotateKey", scene.keys[2]),
        (2, "ledger", "approveJob", 1, FALSE),
    )
    failed = scene.send(*calls[draw.seed], kept=False)
    scene.mined.append(Mined(scene.block, scene.time, failed))
    return Case(scene.of_entries(scene.entries()))


def left_out(draw: Draw) -> Case:
    """A transaction left out, without which the rules refuse what follows."""
    scene = Scene(draw).honest()
    made = scene.entries()
    del made[draw.seed + 1 + (draw.seed > 0)]
    return Case(scene.of_entries(made))


def by_a_stranger(draw: Draw) -> Case:
    """A call that anybody may sign and a member must have signed."""
    scene = Scene(draw).honest()
    place = 1 + draw.seed
    return _with_raw(scene, place, _signed_again(scene, place, signer=key(30)))


def _whole(draw: Draw) -> bytes:
    """A bundle of an honest round, without its files: the fault is met before them."""
    scene = Scene(draw).honest()
    return scene.of_entries(scene.entries())


def _sections(data: bytes) -> list[bytes]:
    at, blocks = HEADER, []
    while at < len(data):
        _, used, length = parse_frame(data[at:], "the bundle", at)
        blocks.append(data[at + used : at + used + length])
        at += used + length
    return blocks


def _bent(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def _of_manifest(draw: Draw, change: Callable[[list[Any]], list[Any]]) -> Case:
    first, *rest = _sections(_whole(draw))
    item = rlp.decode(first)
    assert isinstance(item, list)
    return Case(car(rlp.encode(change(item)), *rest))


def _fields(raw_: bytes) -> list[Any]:
    item = rlp.decode(raw_[1:])
    assert isinstance(item, list)
    return item


def _data(raw_: bytes) -> bytes:
    return bytes(_fields(raw_)[7])


def _signed_again(scene: Scene, place: int, **changes: Any) -> bytes:
    """A transaction with something else in it, signed by the same key, or by another."""
    fields = _fields(scene.mined[place].raw)
    signer = changes.get("signer") or _signer(scene, place)
    to = changes.get("to") or "0x" + fields[5].hex()
    data = changes.get("data", fields[7])
    return transaction(_SECRETS[signer], to, data, changes.get("chain", CHAIN), int.from_bytes(fields[1]))


def _signer(scene: Scene, place: int) -> str:
    return key_of(scene.points()[scene.entries()[place].signer])


def _with_raw(scene: Scene, place: int, raw_: bytes) -> Case:
    """The bundle with another transaction in a place, whose y is its own where it is one."""
    made = scene.entries()
    keys = {point: number for number, point in enumerate(scene.points())}
    one = made[place]
    y, signer = one.y, one.signer
    own = Keys()
    try:
        found = entry(Mined(one.block, one.time, raw_), own)
        y, (point,) = found.y, own.points
        signer = keys.setdefault(point, len(keys))
    except ValueError:
        pass
    made[place] = BundleEntry(one.block, one.time, signer, y, raw_)
    return Case(scene.of_entries(made, keys=tuple(keys)))


def _high_s(raw_: bytes) -> bytes:
    """The same signature in its second form."""
    *fields, parity, r, s = _fields(raw_)
    other = [rlp.number(1 - int.from_bytes(parity)), r, rlp.number(ORDER - int.from_bytes(s))]
    return b"\x02" + rlp.encode([*fields, *other])


COUNTS = {"another_network": 3, "by_a_stranger": 5, "another_founding": 3}
"""How many files classes have that have not five."""
