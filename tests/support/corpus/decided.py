"""Decisions about members, by votes that are in the bundle: VERIFIED, without a finding."""

from support.bundles import RULES
from support.corpus.scene import FALSE, Case, Draw
from support.corpus.voting import NAME, Voting, bent
from support.worlds.signing import key

SIXTH = b"\x06" * 32


def admitted_by_vote(draw: Draw) -> Case:
    """A member whom exactly so many votes admitted as are needed, of three to five; then it opens a round."""
    members = 3 + draw.seed
    scene = Voting(draw, members).honest()
    scene.admit(key(9), *range(members // 2 + 1))
    return scene.honest(members).case()


def removed_by_vote(draw: Draw) -> Case:
    """A member that the others removed, or that voted on it too; the next round is without it."""
    scene = Voting(draw, 4).honest()
    scene.decide(scene.move(2, 3), *((0, 1, 2) if draw.seed else (1, 2, 3)))
    scene.keys = scene.keys[:3]
    return scene.honest(1).case()


def roles_by_vote(draw: Draw) -> Case:
    """A participant that becomes an aggregator's, too, or is none any more."""
    scene = Voting(draw, 4)
    scene.decide(scene.move(3, 2, 6 if draw.seed else 1), 0, 1, 3)
    scene.open_round(2 if draw.seed else 0)
    for member in (0, 1, 3) if draw.seed else (0, 1, 2, 3):
        scene.submit(member)
    scene.open_updates()
    scene.publish(2 if draw.seed else 0)
    return scene.settle(2 if draw.seed else 0).case()


def rules_by_vote(draw: Draw) -> Case:
    """Another majority, which the next admission has to reach; one that was proposed before keeps its own."""
    scene = Voting(draw, 5)
    rules = scene.move(4, (6_666, 60, 0, 60))
    scene.say(rules, 0, 1, 2)
    scene.wait()
    before = scene.admission(key(9))
    scene.carry_out(rules)
    if draw.seed:
        scene.decide(before, 0, 1, 2)
        scene.keys.append(key(9))
        return scene.honest(5).case()
    after = scene.admission(key(8), by=1)
    scene.say(after, 0, 1, 2, 3)
    scene.time += 50
    scene.carry_out(after, 4)
    scene.keys.append(key(8))
    return scene.honest().case()


def votes_relayed(draw: Draw) -> Case:
    """Votes that members signed and a stranger sent: alone, together, with others that the contract passes over."""
    scene = Voting(draw, 4).honest()
    motion = scene.admission(key(9))
    votes = [scene.signed_vote(motion, member) for member in range(4)]
    if draw.seed == 0:
        for vote in votes[:3]:
            scene.relay(motion, vote, by=key(20))
    elif draw.seed == 1:
        scene.relay(motion, *votes[:3], by=key(20))
    else:
        expired = scene.signed_vote(motion, 3, deadline=scene.time)
        others = (bent(votes[0], 5, FALSE), bent(votes[1], 3, 29), scene.signed_vote(motion, key(21)), expired)
        none = (*votes[3][:1], 4, *votes[3][2:])
        scene.relay(motion, votes[0], *others, votes[1], votes[0], none, votes[2], by=key(20))
    scene.wait()
    scene.carry_out(motion, key(20))
    scene.keys.append(key(9))
    return scene.honest(4).case()


def proposed_by_signature(draw: Draw) -> Case:
    """A proposal that a member signed and a stranger sent; votes against it, of nobody, and those that pass it."""
    scene = Voting(draw, 5)
    motion = scene.motion(1, key(9), 3, NAME, by=2)
    scene.send(key(20), "ballots", "proposeBySignature", *scene.signed_motion(motion, deadline=scene.time + 12))
    scene.say(motion, 0, choice=2)
    scene.say(motion, 1, choice=3)
    scene.decide(motion, 2, 3, 4)
    scene.keys.append(key(9))
    return scene.honest().case()


def closed_early(draw: Draw) -> Case:
    """A vote that somebody closed once it passed, so that the delay runs from then."""
    scene = Voting(draw)
    motion = scene.admission(key(9))
    scene.say(motion, 0, 2)
    scene.send(key(20), "ballots", "close", motion.name)
    scene.time += RULES.delay_seconds - 11
    scene.carry_out(motion)
    scene.keys.append(key(9))
    return scene.honest(3).case()


def at_the_edges(draw: Draw) -> Case:
    """A vote in the last second, and an execution in the first and in the last one."""
    scene = Voting(draw)
    motion = scene.admission(key(9))
    deadline = scene.time + RULES.vote_seconds
    scene.say(motion, 0)
    scene.time = deadline - 12
    if draw.seed == 1:
        scene.say(motion, 1)
    else:
        vote = scene.signed_vote(motion, 1, deadline=deadline)
        scene.relay(motion, *([vote] if draw.seed == 0 else [vote, vote]))
    scene.time = deadline + RULES.delay_seconds + (RULES.execute_seconds if draw.seed else 1) - 12
    scene.carry_out(motion)
    scene.keys.append(key(9))
    return scene.honest(3).case()


def other_proposals(draw: Draw) -> Case:
    """Proposals of kinds whose votes are not in a bundle: they count for the nonce of what is proposed after them."""
    scene = Voting(draw)
    scene.put(5, 1)
    scene.put(6, (FALSE, SIXTH, 1, 1, FALSE, bytes(32), bytes(32)))
    scene.put(7, FALSE, SIXTH, bytes(32))
    scene.put(8, FALSE, SIXTH)
    scene.put(9, 1, key(20))
    scene.put(10, 1, 1)
    nonce = scene.replay.ledger.decisions.next_nonce(scene.keys[0])
    unchecked = (nonce, scene.keys[0], scene.time + 12, 27, FALSE, FALSE)
    scene.send(1, "ballots", "proposeBySignature", 5, (1).to_bytes(32), unchecked)
    scene.send(2, "ballots", "execute", scene.keys[0], 5, 9, (1).to_bytes(32) + bytes(32))
    scene.admit(key(9), 1, 2)
    return scene.honest(3).case()


def nothing_came_of_it(draw: Draw) -> Case:
    """Proposals that too few were for, and one that passed and was not carried out in time."""
    scene = Voting(draw, 4)
    scene.say(scene.admission(key(9)), 0, 1)
    scene.say(scene.move(2, 3, by=1), 0, 1, 2)
    scene.wait(RULES.execute_seconds)
    return scene.honest().case()


def voters_who_left(draw: Draw) -> Case:
    """A vote that stays, though its member was removed or has another key since."""
    scene = Voting(draw, 5)
    motion = scene.admission(key(9))
    scene.say(motion, 4, 0)
    if draw.seed:
        scene.send(4, "consortium", "rotateKey", key(4, 1))
        scene.keys[4] = key(4, 1)
    else:
        gone = scene.move(2, 4, by=1)
        scene.say(gone, 0, 1, 2)
        scene.send(3, "ballots", "close", gone.name)
        scene.time += RULES.delay_seconds
        scene.carry_out(gone)
    scene.say(motion, 1)
    scene.wait()
    scene.carry_out(motion)
    if draw.seed:
        scene.keys.append(key(9))
        return scene.honest(5).case()
    scene.keys = scene.keys[:4]
    scene.open_round()
    for member in range(4):
        scene.submit(member)
    scene.time += 601
    scene.open_updates()
    scene.publish()
    scene.attest(1, 2)
    return scene.case()


COUNTS = {
    "admitted_by_vote": 3,
    "removed_by_vote": 2,
    "roles_by_vote": 2,
    "rules_by_vote": 2,
    "votes_relayed": 3,
    "at_the_edges": 3,
    "voters_who_left": 2,
}
"""How many files classes have that have not one."""
