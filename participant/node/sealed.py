"""An update under a key of its own (docs/spec/seals.md): its file and its salted root; the key is at home before either
is committed to.
"""

from collections.abc import Sequence

from ledger.formats.artifact import Buffer
from ledger.formats.header import Binding
from ledger.formats.unixfs import cid_of
from ledger.party.seals.drawer import Drawer
from ledger.rounds.admission import Decision
from ledger.rounds.facts import RoundFacts
from ledger.rounds.sealed import SealedReading, unsealed
from ledger.seals.chunks import sealed
from ledger.seals.keys import ContentKey, UpdateName, draw_key
from ledger.seals.leaves import salted_root
from participant.integers.artifacts import UpdateFile, body_of, file_of
from participant.integers.fixed_point import Stream


def seal_update(drawer: Drawer, facts: RoundFacts, binding: Binding, values: Stream) -> UpdateFile:
    """The sealed file of an update, under a fresh key that `drawer` keeps. Raises Unavailable where it cannot."""
    key, layout = draw_key(UpdateName(facts.name, binding.party)), facts.job.update_layout
    pieces = tuple(bytes(piece) for piece in sealed(file_of(layout, binding, values), key, layout.size))
    root, cid = salted_root([body_of(layout, values)], key), cid_of(pieces)[0]
    drawer.keep_key(key, cid.digest)
    return UpdateFile(pieces, root, cid)


def judge_sealed(
    key: ContentKey, facts: RoundFacts, binding: Binding, root: bytes, pieces: Sequence[Buffer]
) -> Decision:
    """The verdict on the own sealed update, as its readers come to it. Raises Malformed as `unsealed`."""
    job = facts.job
    cid = cid_of(pieces)[0]
    data = b"".join(bytes(piece) for piece in pieces)
    fetch = unsealed(lambda _, start, stop: iter([data[start:stop]]), {cid.digest: key}, facts.artifact_size)
    said = (key, job.layout, binding, root, job.admission, lambda start: fetch(cid, start, facts.update_size + 1))
    return SealedReading(*said, packing=job.packing).judge()
