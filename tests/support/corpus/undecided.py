"""Decisions that nobody made, offered as made: MALFORMED, and nobody is blamed."""

import msgspec
from support.bundles import RULES
from support.corpus.decided import SIXTH
from support.corpus.lies import value
from support.corpus.scene import FALSE, Case, Draw
from support.corpus.voting import NAME, Voting, bent, words
from support.worlds.signing import key

from ledger.bundle.entries import Keys, Mined, entry
from ledger.bundle.form import BundleEntry

STRANGER = key(30)


def forged_majority(draw: Draw) -> Case:
    """A decision carried out that too few were for: nobody, one too few, others against it or abstaining."""
    strict = draw.seed == 4  # more than half of five are for it, and no more than two thirds
    rules = msgspec.structs.replace(RULES, majority=6_666 if strict else 5_000)
    scene = Voting(draw, 5 if strict else 4, rules=rules)
    motion = scene.admission(key(9))
    scene.say(motion, *((), (0, 1), (0, 1), (0, 1), (0, 1, 2))[draw.seed])
    if draw.seed in (2, 3):
        scene.say(motion, 2, 3, choice=draw.seed)
    scene.wait()
    return scene.refused(STRANGER, "ballots", "execute", *motion.arguments)


def forged_batch(draw: Draw) -> Case:
    """A batch of which one vote too few counts: one is too late, bent, a stranger's, there twice, or against it."""
    scene = Voting(draw, 4)
    motion = scene.admission(key(9))
    right = [scene.signed_vote(motion, member) for member in range(3)]
    others = (
        scene.signed_vote(motion, 2, deadline=scene.time + 11),
        bent(right[2], 5, FALSE),
        scene.signed_vote(motion, STRANGER),
        right[1],
        scene.signed_vote(motion, 2, 2),
    )
    scene.relay(motion, *right[:2], others[draw.seed])
    scene.wait()
    return scene.refused(STRANGER, "ballots", "execute", *motion.arguments)


def stranger_executes(draw: Draw) -> Case:
    """A stranger carries out what nobody proposed."""
    scene = Voting(draw, 4)
    actions = (words(int(STRANGER, 16), 7) + b"".join(NAME), words(2), words(2, 1), words(5_001, 1, 0, 1))
    return scene.refused(STRANGER, "ballots", "execute", scene.keys[0], 1, 1 + draw.seed, actions[draw.seed])


def vote_of_no_member(draw: Draw) -> Case:
    """A vote by a stranger, by a member or a key that came after the proposal, or that left before the vote."""
    scene = Voting(draw, 5)
    motion = scene.move(2, 3)
    voter: str | int = STRANGER
    if draw.seed == 1:
        scene.decide(scene.move(2, 4), 0, 1, 2)
        motion, voter = scene.move(2, 3, by=1), 4
    elif draw.seed == 2:
        before = scene.admission(key(9), by=1)
        scene.say(before, 0, 1, 2)
        scene.send(0, "ballots", "close", before.name)
        scene.time += RULES.delay_seconds
        scene.carry_out(before)
        voter = key(9)
    elif draw.seed == 3:
        scene.send(4, "consortium", "rotateKey", key(4, 1))
        voter = key(4, 1)
    elif draw.seed == 4:
        return scene.refused(0, "ballots", "voteBySignature", motion.name, 2, scene.signed_vote(motion, STRANGER))
    return scene.refused(voter, "ballots", "vote", motion.name, 1)


def no_choice(draw: Draw) -> Case:
    """A vote that is neither for, nor against, nor abstains."""
    scene = Voting(draw)
    motion = scene.admission(key(9))
    return scene.refused(1, "ballots", "vote", motion.name, 4 * draw.seed)


def vote_twice(draw: Draw) -> Case:
    """A member that votes a second time: by calls, by signatures, by one and the other, with another choice."""
    scene = Voting(draw)
    motion = scene.admission(key(9))
    signed = scene.signed_vote(motion, 1)
    (scene.say(motion, 1) if draw.seed % 2 else scene.relay(motion, signed))
    if draw.seed in (0, 3):
        return scene.refused(1, "ballots", "vote", motion.name, 1 + draw.seed % 2)
    return scene.refused(2, "ballots", "voteBySignature", motion.name, 1, signed)


def not_in_time(draw: Draw) -> Case:
    """A vote after its end or its signature's, a close at the end, an execution too early or too late."""
    scene = Voting(draw)
    motion = scene.admission(key(9))
    deadline = scene.time + RULES.vote_seconds
    if draw.seed == 0:
        return scene.refused(1, "ballots", "vote", motion.name, 1, after=RULES.vote_seconds + 1)
    if draw.seed == 1:
        late = scene.signed_vote(motion, 1, deadline=scene.time + 11)
        return scene.refused(0, "ballots", "voteBySignature", motion.name, 1, late)
    scene.say(motion, 0, 1)
    end = deadline - scene.time
    if draw.seed == 2:
        return scene.refused(0, "ballots", "close", motion.name, after=end)
    after = end + RULES.delay_seconds + (0 if draw.seed == 3 else RULES.execute_seconds + 1)
    return scene.refused(0, "ballots", "execute", *motion.arguments, after=after)


def executed_again(draw: Draw) -> Case:
    """A decision carried out twice, another action, nonce or proposer than was voted on, or a vote on what is done."""
    scene = Voting(draw, 4)
    motion = scene.move(3, 3, 1)
    scene.say(motion, 0, 1, 2)
    scene.wait()
    if draw.seed in (0, 4):
        scene.carry_out(motion)
    others = (
        motion,
        motion._replace(action=words(3, 2)),
        motion._replace(nonce=2),
        motion._replace(proposer=scene.keys[1]),
    )
    if draw.seed == 4:
        return scene.refused(3, "ballots", "vote", motion.name, 1)
    return scene.refused(0, "ballots", "execute", *others[draw.seed].arguments)


def no_such_effect(draw: Draw) -> Case:
    """A decision of a majority that cannot be carried out: a key that was used, a member that left, one of three."""
    scene = Voting(draw, 3 if draw.seed == 2 else 4)
    motion = scene.move(2, 2) if draw.seed else scene.admission(key(9))
    scene.say(motion, 0, 1, *((2,) if draw.seed < 2 else ()))
    if draw.seed == 0:
        scene.send(3, "consortium", "rotateKey", key(9))
        scene.keys[3] = key(9)
    elif draw.seed == 1:
        again = scene.move(2, 2, by=1)
        scene.decide(again, 0, 1, 3)
        return scene.refused(0, "ballots", "execute", *motion.arguments)
    scene.wait()
    return scene.refused(0, "ballots", "execute", *motion.arguments)


def no_proposal(draw: Draw) -> Case:
    """What nobody may propose: by a stranger, of nobody, what changes nothing, rules or roles that there are not."""
    scene = Voting(draw)
    calls = (
        (STRANGER, "proposeRemoval", 1),
        (0, "proposeRemoval", 3),
        (0, "proposeRoles", 1, 7),
        (0, "proposeRoles", 1, 8),
        (0, "proposeRules", (4_999, 60, 60, 60)),
        (0, "proposeRules", (5_000, 60, 31_536_001, 60)),
        (0, "proposeRules", tuple(getattr(RULES, name) for name in RULES.__struct_fields__)),
        (0, "proposeAdmission", "0x" + "00" * 20, 7, NAME),
        (0, "proposeAdmission", key(9), 0, NAME),
        (STRANGER, "proposeClosing", 1),
    )
    member, function, *arguments = calls[draw.seed]
    return scene.refused(member, "ballots", function, *arguments)


def no_signed_proposal(draw: Draw) -> Case:
    """A signed proposal by another nonce, too late, of a stranger, or that another key signed."""
    scene = Voting(draw)
    motion = scene.motion(2, 1, by=draw.seed % 3)
    given = scene.signed_motion(motion)
    if draw.seed == 0:
        scene.move(5, 1)
    elif draw.seed == 1:
        given = scene.signed_motion(motion, deadline=scene.time + 11)
    elif draw.seed == 2:
        scene.keys[2] = STRANGER
        given = scene.signed_motion(scene.motion(2, 1, by=2))
    else:
        given = scene.signed_motion(motion, signer=scene.keys[1])
    return scene.refused(1, "ballots", "proposeBySignature", *given)


def signed_vote_bent(draw: Draw) -> Case:
    """A signed vote said to be right that is not: bent, of another member, choice, deadline, kind or key."""
    scene = Voting(draw, 4)
    motion = scene.admission(key(9))
    right = scene.signed_vote(motion, 3)
    scene.relay(motion, right, by=2)
    place = len(scene.mined) - 1
    made, points = scene.entries(), scene.points()
    kind = 2 if draw.seed == 4 else 1
    s = (int.from_bytes(right[5]) ^ 1).to_bytes(32)
    others = (
        bent(right, 5, s),
        bent(right, 0, scene.keys[1]),
        bent(right, 1, 2),
        bent(right, 2, 5),
        right,
        bent(right, 3, 55 - right[3]),
        bent(right, 1, 4),
        right,
    )
    scene.mined.pop()
    scene.nonces[scene.keys[2]] -= 1
    raw = scene.send(2, "ballots", "voteBySignature", motion.name, kind, others[draw.seed], kept=False)
    made[place] = _with_points(scene, made[place], raw, made[place].y[32:])
    if draw.seed == 7:  # the member's key is not among the keys
        return Case(scene.of_entries(made, keys=tuple(points[:-1])))
    return Case(scene.of_entries(made, keys=tuple(points)))


def vote_said_unsigned(draw: Draw) -> Case:
    """A signed vote, or a proposal, that is right, and said not to be: it does not count, so the call failed."""
    scene = Voting(draw)
    motion = scene.motion(4, (6_000, 60, 60, 60)) if draw.seed == 1 else scene.motion(2, 1)
    scene.send(1, "ballots", "proposeBySignature", *scene.signed_motion(motion))
    scene.relay(motion, scene.signed_vote(motion, 2), by=1)
    made = scene.entries()
    place = len(made) - 1 - draw.seed
    made[place] = made[place]._replace(y=made[place].y[:32] + bytes(32))
    return Case(scene.of_entries(made))


def points_of_no_form(draw: Draw) -> Case:
    """Fewer or more points than a call has signatures, or parts of one."""
    scene = Voting(draw)
    motion = scene.admission(key(9))
    scene.relay(motion, scene.signed_vote(motion, 1), scene.signed_vote(motion, 2))
    made = scene.entries()
    y = made[-1].y
    others = (y[:-32], y + bytes(32), y[:-1], b"", y + bytes(32 * 680))
    made[-1] = made[-1]._replace(y=others[draw.seed])
    return Case(scene.of_entries(made))


def ballots_of_no_form(draw: Draw) -> Case:
    """Calls of Ballots that no bundle has: of kinds that there are not, or are not counted, or with points missing."""
    scene = Voting(draw)
    vote = (scene.keys[1], 1, 1 << 40, 27, FALSE, SIXTH)
    calls = (
        ("voteBySignature", FALSE, 5, vote),
        ("voteBatch", FALSE, 0, [vote]),
        ("voteBatch", FALSE, 1, [vote] * 3),
        ("execute", scene.keys[0], 1, 11, words(1)),
        ("execute", scene.keys[0], 1, 10, words(1)),
        ("execute", scene.keys[0], 1, 4, words(1 << 16, 1, 1, 1)),
        ("proposeBySignature", 3, words(1, 256), (1, *vote[:1], *vote[2:])),
        ("proposeBySignature", 0, b"", (1, *vote[:1], *vote[2:])),
        ("cancel", FALSE),
    )
    function, *arguments = calls[draw.seed]
    raw = scene.send(1, "ballots", function, *arguments, kept=False)
    count = 2 if draw.seed == 2 else int(draw.seed in (0, 1, 6, 7))
    made = scene.entries()
    made.append(_with_points(scene, made[-1], raw, bytes(32 * count)))
    return Case(scene.of_entries(made))


def rewound_to_another(draw: Draw) -> Case:
    """A rewind that names a round which does not stand convicted, where none does and where another one does."""
    scene = value(draw)
    if draw.seed:
        scene.settle().refute(2)
    return scene.refused(STRANGER, "ballots", "execute", scene.keys[0], 1, 10, words(1, 1 + draw.seed))


def _with_points(scene: Voting, like: BundleEntry, raw: bytes, points: bytes) -> BundleEntry:
    """The entry of this transaction, where and by whom the other one is, with these points of what is signed in it."""
    own = Keys()
    made = entry(Mined(like.block, like.time, raw), own)
    return like._replace(raw=raw, y=made.y[:32] + points, signer=scene.points().index(own.points[0]))


COUNTS = {
    "stranger_executes": 4,
    "no_choice": 2,
    "vote_twice": 4,
    "no_such_effect": 3,
    "no_proposal": 10,
    "no_signed_proposal": 4,
    "signed_vote_bent": 8,
    "vote_said_unsigned": 2,
    "ballots_of_no_form": 9,
    "rewound_to_another": 2,
}
"""How many files classes have that have not five."""
