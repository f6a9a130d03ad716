"""Transactions that no contract of the ledger took, or that are none, and which of two faults is named."""

from support.corpus.malformed import _bent, _fields, _signer, _with_raw
from support.corpus.scene import Case, Draw, Scene, of_type
from support.worlds.signing import _SECRETS

from ledger.bundle.form import BundleEntry, paged
from ledger.chain import rlp
from ledger.formats.digest import keccak, sha256

_STRANGE = (0, 26, 29, 34)


def ether_sent(draw: Draw) -> Case:
    """A call that sends ether, of type 2, 0 or 0 for any chain: no contract takes any, so it failed."""
    scene = Scene(draw).honest()
    place = 2 + draw.seed
    *fields, _, _, _ = _fields(scene.mined[place].raw)
    fields[6] = b"\1"
    signer = _signer(scene, place)
    made = _SECRETS[signer].sign_recoverable(keccak(b"\2" + rlp.encode(fields)), hasher=None)
    numbers = made[64], int.from_bytes(made[:32]), int.from_bytes(made[32:64])
    raw = b"\2" + rlp.encode([*fields, *map(rlp.number, numbers)])
    return _with_raw(scene, place, raw if draw.seed == 0 else of_type(raw, (0, -1)[draw.seed - 1], signer))


def for_any_chain(draw: Draw) -> Case:
    """A transaction of type 0 that names no chain: nobody signed it for this one."""
    scene = Scene(draw).honest()
    place = 3
    return _with_raw(scene, place, of_type(scene.mined[place].raw, -1, _signer(scene, place)))


def v_of_no_form(draw: Draw) -> Case:
    """A transaction of type 0 whose v has no chain, and neither of the two values of one for any chain."""
    scene = Scene(draw, types=(0,)).honest()
    place = 3
    fields = rlp.decode(scene.mined[place].raw)
    assert isinstance(fields, list)
    fields[6] = rlp.number(_STRANGE[draw.seed])
    return _with_raw(scene, place, rlp.encode(fields))


def first_of_two(draw: Draw) -> Case:
    """Two faults: the one of the earlier entry counts, of one entry its signature, and of a page what is before it."""
    scene = Scene(draw).honest()
    made = scene.entries()
    page = b""
    if draw.seed == 0:
        _bend(made, 2)
        made[4] = made[4]._replace(signer=2)
    elif draw.seed == 1:
        made[2], made[3] = _refused(made, 2), _refused(made, 3)
        _bend(made, 4)
    elif draw.seed == 2:
        _bend(made, 3)
        page = b"page"
    elif draw.seed == 3:
        made[3] = made[3]._replace(raw=made[3].raw[:-1])
        page = b"page"
    else:
        _bend(made, 2)
        made[3] = made[3]._replace(block=9)
    pages = [*paged(made), *([page] if page else [])]
    return Case(scene.of_entries(made, [page] if page else [], pages=tuple(map(sha256, pages))))


def _bend(made: list[BundleEntry], place: int) -> None:
    """Bend a signature."""
    made[place] = made[place]._replace(raw=_bent(made[place].raw, len(made[place].raw) - 1, 0))


def _refused(made: list[BundleEntry], place: int) -> BundleEntry:
    """An entry with the transaction of the next, which the rules refuse there."""
    other = made[place + 1]
    return made[place]._replace(signer=other.signer, y=other.y, raw=other.raw)


COUNTS = {"ether_sent": 3, "for_any_chain": 1, "v_of_no_form": 4}
"""How many files classes have that have not five."""
