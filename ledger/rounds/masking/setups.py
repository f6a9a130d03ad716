"""Set-up files of a segment, judged, and the cast that follows (docs/spec/masks.md, "Set-up file" and "Phases")."""

from collections.abc import Collection, Mapping

from ledger.errors import Malformed, Refuted, Unavailable
from ledger.formats.cid import of_file
from ledger.formats.digest import sha256
from ledger.history.state.masking import JobMasks, SegmentState, SetUp
from ledger.masks.blame import Fault, Guilty
from ledger.masks.reveals import check_new
from ledger.masks.segment import Segment, sound_keys
from ledger.masks.setup import SetupFile, read_setup, size_of
from ledger.rounds.facts import Place
from ledger.rounds.inputs import Fetch

JudgedSetup = SetupFile | Guilty | Unavailable
"""What became of a set-up file: it counts, its dealer is to blame, or it is not at hand here."""
UsedKeys = Mapping[int, Collection[bytes]]
"""The points of round keys that dealers used in earlier segments, by member index."""


def segment_of(place: Place, job: int, masks: JobMasks, opened: SegmentState) -> Segment:
    """A segment with its roster: the members in its bitmap whose mask key is sound, and its threshold.

    Raises Malformed where these are too few for any segment.
    """
    registered = sound_keys((one.index, one.key) for one in opened.keys)
    keys = {member: key for member, key in sorted(registered.items()) if member in opened.roster}
    threshold = masks.threshold(len(keys))
    return Segment(place.chain, place.contract, job, opened.number, masks.terms.segment, threshold, keys)


def judged_setups(
    place: Place, job: int, masks: JobMasks, opened: SegmentState, fetch: Fetch, used: UsedKeys | None = None
) -> dict[int, JudgedSetup]:
    """What became of the set-up file of each member of a segment's roster that published one in time, by member index.

    `used` are the keys of earlier segments (`used_keys`), read where they are not given.
    """
    try:
        segment = segment_of(place, job, masks, opened)
    except Malformed:
        return {}
    if used is None:
        used = used_keys(place, job, masks, opened.number, fetch)
    said = sorted(opened.setups.items())
    return {m: judge_setup(segment, one, fetch, used.get(m, ())) for m, one in said if m in segment.keys}


def judge_setup(segment: Segment, said: SetUp, fetch: Fetch, used: Collection[bytes] = ()) -> JudgedSetup:
    """What became of one set-up file, of whose dealer `used` are the points of earlier round keys.

    1. The file that its CID names can be had. 2. It has the SHA-256 that its dealer said. 3. It has its one form
    (`read_setup`). 4. None of its round keys was used before (`check_new`).
    """
    size = size_of(segment)
    try:
        data = b"".join(bytes(piece) for piece in fetch(of_file(said.cid, size), 0, size + 1))
        if sha256(data) != said.digest:
            raise Guilty(
                said.index,
                Fault.SETUP,
                "its set-up file has another SHA-256 than it said",
                expected=said.digest,
                actual=sha256(data),
            )
        setup = read_setup(data, segment, said.index)
        check_new(setup, used)
    except Guilty as error:
        return error
    except Malformed as error:
        return Guilty(said.index, Fault.SETUP, f"what its CID names is not a file: {error.message}")
    except Unavailable as error:
        return error
    return setup


def used_keys(place: Place, job: int, masks: JobMasks, before: int, fetch: Fetch) -> dict[int, set[bytes]]:
    """The points of the round keys that members of earlier casts used, by member index, of segments below `before`.

    As far as these files are at hand: one that nobody has any more keeps no member out, and stops no segment.
    """
    used = dict[int, set[bytes]]()
    for number in sorted(masks.segments):
        opened = masks.segments[number]
        if number >= before or not opened.cast:
            continue
        segment = segment_of(place, job, masks, opened)
        for member in sorted(opened.cast & opened.setups.keys()):
            found = judge_setup(segment, opened.setups[member], fetch)
            if isinstance(found, SetupFile):
                used.setdefault(member, set()).update(one.point for one in found.rounds)
    return used


def due_cast(
    masks: JobMasks, opened: SegmentState, judged: Mapping[int, JudgedSetup], left_out: Collection[int]
) -> frozenset[int]:
    """The cast that is to be proposed and agreed with: all whose set-up file counts, but for those that "Blame" leaves
    out (`convictions.left_out`); nobody where these are too few.
    """
    cast = frozenset(member for member, one in judged.items() if isinstance(one, SetupFile)) - frozenset(left_out)
    return cast if len(cast) >= masks.least(len(opened.roster)) else frozenset()


def cast_files(place: Place, job: int, masks: JobMasks, opened: SegmentState, fetch: Fetch) -> dict[int, SetupFile]:
    """The set-up files of a segment's fixed cast, by member index.

    Raises Unavailable where there is no cast yet, or a file is not at hand; Guilty, naming the dealer, for one that is
    refused, and Refuted for a member that published none: members were to agree with no such cast.
    """
    if opened.cast is None:
        raise Unavailable(f"segment {opened.number} has no cast yet", job=job)
    segment, files = segment_of(place, job, masks, opened), dict[int, SetupFile]()
    for member in sorted(opened.cast):
        if member not in opened.setups or member not in segment.keys:
            raise Refuted(f"member {member} is in the cast, and published no set-up file that could count")
        found = judge_setup(segment, opened.setups[member], fetch)
        if not isinstance(found, SetupFile):
            raise found
        files[member] = found
    return files
