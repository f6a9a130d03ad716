"""What a hostile writer may try beside forms and votes: other openings than were signed, and what costs too much."""

from support.bundles import RULES
from support.corpus.malformed import _data, _signed_again, _with_raw
from support.corpus.scene import FALSE, Case, Draw, Scene, car, under_others

from ledger.chain import rlp
from ledger.events.records import Rules
from ledger.formats.digest import sha256

_CLAIM = 4 + 3 * 32


def other_openings(draw: Draw) -> Case:
    """An honest aggregate above other openings than it was signed of: of a party that committed twice, to other values
    or to another weight, or in calls of their own.
    """
    return Case(under_others(draw, gap=False))


def another_claim(draw: Draw) -> Case:
    """An aggregate whose signer names a claim that it does not make."""
    scene = Scene(draw).collect()
    scene.publish()
    place = len(scene.mined) - 1
    data = _data(scene.mined[place].raw)
    right = data[_CLAIM : _CLAIM + 32]
    claims = (bytes(32), FALSE, right[:-1] + bytes([right[-1] ^ 1]), sha256(right), right[::-1])
    other = data[:_CLAIM] + claims[draw.seed] + data[_CLAIM + 32 :]
    return _with_raw(scene, place, _signed_again(scene, place, data=other))


def rules_of_no_form(draw: Draw) -> Case:
    """Rules of votes at the founding that no contract takes, or that are three."""
    scene = Scene(draw).honest()
    rules = (
        Rules(4_999, 60, 60, 60),
        Rules(6_667, 60, 60, 60),
        Rules(5_000, 0, 60, 60),
        Rules(5_000, 60, 31_536_001, 60),
        RULES,
    )
    if draw.seed < 4:
        return Case(scene.of_entries(scene.entries(), rules=rules[draw.seed]))
    item = rlp.decode(scene.manifest().encode())
    assert isinstance(item, list)
    assert isinstance(item[3], list)
    item[3] = [*item[3][:3], item[3][3][:3]]
    return Case(car(rlp.encode(item)))


def long_transaction(draw: Draw) -> Case:
    """A transaction of more bytes than one may have."""
    scene = Scene(draw).honest()
    raw = scene.send(0, "ledger", "openUpdates", 1, 1, bytes(1 << 17), kept=False)
    made = scene.entries()
    made.append(made[-1]._replace(raw=raw))
    return Case(scene.of_entries(made))


COUNTS = {"other_openings": 3, "long_transaction": 1}
"""How many files classes have that have not five."""
