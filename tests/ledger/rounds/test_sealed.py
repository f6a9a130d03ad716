"""A sealed round is the open round to its readers: same verdicts, sums, model. Others cannot look, and say so."""

from typing import Any

import numpy as np
import pytest
from support.seals import fresh, seal_all
from support.worlds.sealed_updates import MEMBERS, TENSORS, SealedWorld, values_of
from support.worlds.world import LIMITS, World, altered, artifact

from ledger.errors import Malformed, Unavailable
from ledger.formats.cid import CHUNK
from ledger.formats.merkle import root_of
from ledger.formats.sealed import HEAD, TAG
from ledger.jobs.rules import Median, WeightedMean
from ledger.rounds.admission import Verdict
from ledger.rounds.outcome import recompute
from ledger.rounds.sealed import unsealed
from ledger.seals.keys import ContentKey
from ledger.seals.leaves import salted_root


def pair(rule: Any = None) -> tuple[World, SealedWorld]:
    """The same round, open and sealed."""
    plain = World(MEMBERS, tensors=TENSORS, rule=rule).open_job().open_round()
    sealed = SealedWorld(rule=rule)
    for member in range(MEMBERS):
        plain.submit(member, values_of(member), weight=10 + member)
        sealed.seal(member, values_of(member))
    return plain, sealed


@pytest.mark.parametrize("rule", [WeightedMean(), Median()])
def test_readers_come_to_the_open_round_s_model(rule: Any) -> None:
    plain, sealed = pair(rule)
    one, other = plain.outcome(), sealed.outcome()
    assert (one.root, one.cid, one.sums, one.verdicts) == (other.root, other.cid, other.sums, other.verdicts)
    assert set(other.verdicts) == {Verdict.ADMITTED}


def test_what_is_inside_is_judged_as_it_is_open() -> None:
    world = SealedWorld(limits=LIMITS)
    too_large, wrong = values_of(1).copy(), values_of(2)
    too_large[5] = 1 << 24
    world.seal(0, values_of(0))
    world.seal(1, too_large)
    world.seal(2, wrong, root=root_of(wrong))
    world.seal(3, values_of(3))
    outcome = world.outcome()
    assert [judged.decision.verdict for judged in outcome.judged] == [
        Verdict.ADMITTED,
        Verdict.RANGE,
        Verdict.ROOT,
        Verdict.ADMITTED,
    ]
    assert outcome.root != bytes(32)


def lies(world: SealedWorld, member: int) -> tuple[ContentKey, dict[str, bytes]]:
    """Files that a party may bring under its CID instead of the one that it sealed, whose key readers have."""
    key = fresh(world.update_name(member))
    plain = artifact(world.layout, world.binding(member), values_of(member))
    file = seal_all(plain, key)
    other = fresh(key.name._replace(party=world.keys[0]))
    return key, {
        "a bit of a chunk": file[:-40] + bytes([file[-40] ^ 1]) + file[-39:],
        "cut": file[:-1],
        "a byte more": file + b"\x00",
        "another member's name": seal_all(plain, other),
        "an open artifact": plain,
        "nothing": b"",
        "a header of another round": seal_all(plain.replace(b'"round":"1"', b'"round":"2"'), key),
    }


@pytest.mark.parametrize("lie", range(7))
def test_a_lie_of_the_file_is_its_author_s(lie: int) -> None:
    world = SealedWorld()
    for member in (0, 1, 3):
        world.seal(member, values_of(member))
    key, files = lies(world, 2)
    name, file = list(files.items())[lie]
    world.bring(2, key, file, salted_root([values_of(2)], key))
    outcome = world.outcome()
    found = {judged.update.index: judged.decision for judged in outcome.judged}
    assert found[2].verdict is Verdict.HEADER, name
    assert [found[member].verdict for member in (0, 1, 3)] == [Verdict.ADMITTED] * 3
    assert outcome.root != bytes(32)


def test_without_a_key_nothing_is_judged() -> None:
    _, world = pair()
    with pytest.raises(Unavailable, match="no slip that opens") as caught:
        recompute(world.closed_facts(2), world.files.fetch, range(MEMBERS))
    assert caught.value.facts["party"] == world.keys[2]


def test_whose_file_it_is_is_judged_without_a_key() -> None:
    world = SealedWorld()
    for member in (0, 1, 3):
        world.seal(member, values_of(member))
    key = fresh(world.update_name(2)._replace(party=world.keys[3]))
    world.seal(2, values_of(2), file=seal_all(artifact(world.layout, world.binding(2), values_of(2)), key))
    outcome = recompute(world.closed_facts(2), world.files.fetch, range(MEMBERS))
    assert outcome.judged[2].decision.verdict is Verdict.HEADER
    assert "another party" in outcome.judged[2].decision.message


def test_a_file_that_two_bring_is_its_own_party_s() -> None:
    """Whichever of the two has the lower index. A party without a key judges nothing."""
    for party, copier in ((1, 2), (2, 1)):
        world = SealedWorld()
        key = fresh(world.update_name(party))
        root = salted_root([values_of(party)], key)
        for member in range(MEMBERS):
            if member in (party, copier):
                file = seal_all(artifact(world.layout, world.binding(party), values_of(party)), key)
                world.bring(member, key, file, root)
            else:
                world.seal(member, values_of(member))
        verdicts = {judged.update.index: judged.decision.verdict for judged in world.outcome().judged}
        assert verdicts == {0: Verdict.ADMITTED, party: Verdict.ADMITTED, copier: Verdict.HEADER, 3: Verdict.ADMITTED}
        with pytest.raises(Unavailable, match="no slip that opens"):
            recompute(world.closed_facts(party), world.files.fetch, range(MEMBERS))


def test_an_update_that_others_altered_is_not_the_party_s() -> None:
    """The root is salted with the key: the same values under another key have another root."""
    _, world = pair()
    facts = world.facts
    cid = facts.entries[0].update.cid
    sealed = facts.keys[cid]
    assert isinstance(sealed, ContentKey)
    assert salted_root([altered(values_of(0), 3)], sealed) != facts.entries[0].update.root
    assert salted_root([values_of(0)], sealed) == facts.entries[0].update.root


@pytest.mark.parametrize("piece", [1000, CHUNK, 3 * CHUNK])
def test_any_part_of_a_file_is_read(piece: int) -> None:
    world = World()
    world.files.piece = piece
    key = fresh()
    data = np.random.default_rng(1).bytes(3 * CHUNK + 77)
    cid, plain = world.files.put(seal_all(data, key)), world.files.put(data)
    fetch = unsealed(world.files.fetch, {cid.digest: key}, len(data))
    border = CHUNK - HEAD - TAG
    ends = (0, 1, border - 1, border, border + 1, CHUNK, len(data) - 1, len(data))
    for start in ends:
        for stop in (*ends[1:], None, len(data) + 1):
            if start < len(data) and (stop is None or stop > start):
                assert b"".join(fetch(cid, start, stop)) == data[start:stop], (start, stop)
    assert b"".join(fetch(plain, 5, 10)) == data[5:10]
    longer = world.files.put(seal_all(data, key) + b"\x00")
    fetch = unsealed(world.files.fetch, {longer.digest: key}, len(data))
    with pytest.raises(Malformed, match="longer"):
        b"".join(fetch(longer, 0, len(data) + 1))
