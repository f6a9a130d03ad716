"""Set-up files of a segment, judged, and the cast that follows (docs/spec/masks.md, "Set-up file" and "Phases")."""

from collections.abc import Collection, Mapping

from ledger.errors import Malformed, Refuted, Unavailable
from ledger.formats.cid import of_file
from ledger.history.state.masking import JobMasks, MaskProposal, SegmentState, SetUp
from ledger.jobs.document import Job
from ledger.masks.blame import Fault, Guilty
from ledger.masks.reveals import check_new
from ledger.masks.segment import Segment, sound_keys
from ledger.masks.setup import SetupFile, read_setup, size_of
from ledger.rounds.facts import Place
from ledger.rounds.inputs import Fetch

JudgedSetup = SetupFile | Guilty | Unavailable
"""What became of a set-up file: it counts, its dealer is to blame, or it is not at hand here."""
SHOWN_PART = 4
"""Files that were held back come in the first of so many parts of the time to agree with a cast."""
UsedKeys = Mapping[int, Collection[bytes]]
"""The points of round keys that dealers used in earlier segments, by member index."""
KnownKeys = dict[tuple[bytes, int, bytes], frozenset[bytes]]
"""The points in set-up files that were read: of an opening, by its transaction, a member, and its file's CID digest."""
NO_KEYS = frozenset[bytes]()


def segment_of(place: Place, job: int, masks: JobMasks, opened: SegmentState) -> Segment:
    """A segment with its roster: the members in its bitmap whose mask key is sound, and its threshold.

    Raises Malformed where these are too few for any segment.
    """
    registered = sound_keys((one.index, one.key) for one in opened.keys)
    keys = {member: key for member, key in sorted(registered.items()) if member in opened.roster}
    threshold = masks.threshold(len(keys))
    return Segment(place.chain, place.contract, job, opened.number, masks.terms.segment, threshold, keys)


def held_back(job: Job, opened: SegmentState, now: int, deep: int) -> bool:
    """Whether members show nobody their set-up files yet, at `now` by the chain's clock, with blocks up to `deep` deep.

    Who is in which group follows from these files: they are shown once no other can be put on the ledger, and those
    that are there stay. In a job without groups they are shown at once.
    """
    if job.masked is None or not job.masked.groups:
        return False
    return now <= opened.deadline or any(one.block > deep for one in opened.setups.values())


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

    1. The file that its CID names can be had. 2. It has its one form (`read_setup`). 3. None of its round keys was used
    before (`check_new`).
    """
    size = size_of(segment)
    try:
        data = b"".join(bytes(piece) for piece in fetch(of_file(said.cid, size), 0, size + 1))
        setup = read_setup(data, segment, said.index)
        check_new(setup, used)
    except Guilty as error:
        return error
    except Malformed as error:
        return Guilty(said.index, Fault.SETUP, f"what its CID names is not a file: {error.message}")
    except Unavailable as error:
        return error
    return setup


def used_keys(
    place: Place, job: int, masks: JobMasks, before: int, fetch: Fetch, known: KnownKeys | None = None
) -> dict[int, set[bytes]]:
    """The points of the round keys that members of earlier casts used, by member index, of segments below `before`.

    As far as these files are at hand: one that nobody has any more keeps no member out, and stops no segment. Those in
    `known` are not read again, and what is read is put there.
    """
    used, known = dict[int, set[bytes]](), {} if known is None else known
    for number in sorted(masks.segments):
        opened = masks.segments[number]
        if number >= before or not opened.cast:
            continue
        segment = segment_of(place, job, masks, opened)
        for member in sorted(opened.cast & opened.setups.keys()):
            file = (opened.tx, member, opened.setups[member].cid)
            if file not in known:
                found = judge_setup(segment, opened.setups[member], fetch)
                if isinstance(found, Unavailable):
                    continue
                known[file] = frozenset(one.point for one in found.rounds) if isinstance(found, SetupFile) else NO_KEYS
            used.setdefault(member, set()).update(known[file])
    return used


def due_cast(
    masks: JobMasks, opened: SegmentState, judged: Mapping[int, JudgedSetup], left_out: Collection[int]
) -> frozenset[int]:
    """The cast that is to be proposed: all whose set-up file counts, but for those that "Blame" leaves out
    (`convictions.left_out`); nobody where these are too few.
    """
    cast = frozenset(member for member, one in judged.items() if isinstance(one, SetupFile)) - frozenset(left_out)
    return cast if len(cast) >= masks.least(len(opened.roster)) else frozenset()


def frozen_at(opened: SegmentState, masks: JobMasks, job: Job) -> int:
    """The last second, by the chain's clock, in which a file that comes binds its holder to a cast with its dealer.

    Files that were held back until the time to set up was over have so long to come after it.
    """
    late = masks.terms.set_seconds // SHOWN_PART if job.masked is not None and job.masked.groups else 0
    return opened.deadline + late


def awaited(segment: Segment, judged: Mapping[int, JudgedSetup], left_out: Collection[int]) -> frozenset[int]:
    """Who may still come to be of a segment's cast. While there is anybody, nobody proposes a cast, or agrees with one,
    that was proposed in the time to set up.
    """
    settled = {member for member, one in judged.items() if not isinstance(one, Unavailable)}
    return frozenset(segment.keys) - settled - frozenset(left_out)


def agreeable_cast(
    masks: JobMasks,
    segment: Segment,
    opened: SegmentState,
    proposal: MaskProposal,
    judged: Mapping[int, JudgedSetup],
    left_out: Collection[int],
    held: Collection[int],
) -> frozenset[int]:
    """The cast that a member comes to when this one is proposed: it agrees where both are the same.

    `judged` are the files that it holds by now, `held` the members whose file it held at `frozen_at`.
    1. Of those proposed it takes the ones whose file it holds and counts, that published it before, and that "Blame"
    does not leave out. 2. It adds all of `held` that count: a proposer may add what came late, and leaves nobody out
    whose file went to everyone in time. 3. While there was time to set up, it adds all that may still come, and comes
    to no cast with somebody that published nothing before: once a cast is fixed, no set-up counts.
    """
    counting = frozenset(member for member, one in judged.items() if isinstance(one, SetupFile)) - frozenset(left_out)
    if masks.in_set_up(opened, proposal):
        due = counting | awaited(segment, judged, left_out)
    else:
        due = counting.intersection(held)
    silent = frozenset(member for member in proposal.members if not published(opened, proposal, member))
    return (due | counting & proposal.members) - silent


def published(opened: SegmentState, proposal: MaskProposal, member: int) -> bool:
    """Whether a member published its set-up file before a cast was proposed, or in the same block."""
    return member in opened.setups and opened.setups[member].block <= proposal.block


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
