"""An honest history with every kind of event in it, built once in a process and copied by replaying.

Six rounds: final and scored; final in its second attempt; refuted; final without an update that has no certificate;
abandoned; final. Between them keys are rotated and recovered, a member comes and goes, and proposals of every kind are
decided. Nobody lies: attempts fail because members lack bytes.
"""

import copy
from collections.abc import Callable
from functools import cache
from typing import get_args

import msgspec
import numpy as np
from support.worlds.chain import block_hash
from support.worlds.decisions import Chamber, released
from support.worlds.scorers import SCORED, ScoredWorld
from support.worlds.signing import key, sign_digest
from support.worlds.world import Files, raw_cid

from ledger.errors import Malformed
from ledger.events import actions as a
from ledger.events import records as r
from ledger.events.haves import Have, content_of, digest_of
from ledger.events.proposals import release_id
from ledger.formats.digest import sha256
from ledger.formats.member_name import name_words
from ledger.history.fold import History
from ledger.history.state import Aggregate
from ledger.rounds.facts import Standpoint
from ledger.rounds.outcome import Outcome, recompute
from ledger.rounds.receipts import SignedHave, certified, marks, parse

MEMBERS = 5
GUEST = 5
"""The member that is admitted and removed again."""
GUESTS_KEY = key(GUEST)
DEADLINE = 100_000
TERMS = msgspec.structs.replace(SCORED, rounds=40, attempts=2)
RULES = r.Rules(5_000, vote_seconds=7_200, delay_seconds=60, execute_seconds=3_600)


class Consortium(ScoredWorld):
    """Five members, a job that scores on a committed set, and the next thing that happens to them.

    Blocks after `forked` have other hashes than on the chain that everyone else sees; None: this is that chain.
    """

    forked: int | None = None

    def __init__(self, terms: r.Terms = TERMS) -> None:
        super().__init__(members=MEMBERS)
        self.job = msgspec.structs.replace(self.job, terms=terms)
        self.files.put(self.job.encode())

    def hash_of(self, block: int) -> bytes:
        """The hash of a block of this chain."""
        ours = self.forked is None or block <= self.forked
        return block_hash(block) if ours else sha256(b"fork %d" % block)

    def standpoint(self, receipts: bytes, as_of: int | None = None) -> Standpoint:
        block = self.block if as_of is None else as_of
        return Standpoint(block, self.hash_of(block), self.history.head_at(block), sha256(receipts))

    def have(self, member: int, updates: int) -> SignedHave:
        held = {index: self.round.updates[index].cid for index in marks(updates)}
        said = Have(1, self.round.number, updates, content_of(held), self.block)
        place = self.place
        signature = sign_digest(self.keys[member], digest_of(place.chain, place.contract, said))
        return SignedHave(member, updates, said.block, signature)

    def recomputed(self, aggregate: Aggregate | None = None) -> tuple[Outcome, bytes]:
        """What an honest member computes: nothing is certified by a file that is not one of receipts."""
        chosen = aggregate or self.aggregate
        data, facts = self.files.files[raw_cid(chosen.receipts)], self.facts
        try:
            given = certified(parse(data), facts.roll)
        except Malformed:
            given = set()
        outcome = recompute(facts, self.files.fetch, given)
        return outcome, outcome.claim(self.standpoint(data, chosen.as_of))

    def open_scoring(self) -> "Consortium":
        """Open the scoring of the first finalised round that had none."""
        number = self.state.next_to_score
        assert number is not None
        final = self.state.rounds[number].final
        assert final is not None
        opened = {"opener": self.keys[0], "epoch": self.history.epoch, "scorers": len(self.keys)}
        counted = {"updates": final.verdicts.count(0), "commit_deadline": 9000}
        self.emit(r.ScoringOpened, job=1, round=number, seed=number.to_bytes(32, "big"), **opened, **counted)
        return self

    @property
    def chamber(self) -> Chamber:
        """Where the members decide."""
        made = object.__new__(Chamber)
        made.world, made.deadline = self, DEADLINE
        return made

    def begin(self, opener: int = 0) -> "Consortium":
        """Open a round, to which everyone commits, and open all updates."""
        self.open_round(opener)
        for member in range(len(self.keys)):
            self.submit(member, weight=10 + member)
        self.open_pending()
        return self

    def finish(self, aggregator: int = 0, *, late: bool = False) -> "Consortium":
        """Publish what is right and have it agreed to by a majority, or by everyone."""
        self.publish(aggregator)
        others = [member for member in range(len(self.keys)) if member != aggregator]
        for member in others if late else others[: len(self.keys) // 2]:
            self.attest(member)
        return self

    def miss(self, *members: int) -> None:
        """Members say that they lack the update of member 3."""
        for member in members:
            self.say(member, r.Form.MISSING, self.aggregate.claim, (1 << 3).to_bytes(32, "big"))


def copied(world: Consortium) -> Consortium:
    """The same world, apart from the first one: its history is folded again."""
    made = copy.copy(world)
    made.events, made.transactions = list(world.events), dict(world.transactions)
    made.keys, made.pending = list(world.keys), list(world.pending)
    made.files = Files()
    made.files.files = dict(world.files.files)
    made.random = copy.deepcopy(world.random)
    made.history = History(world.foundation, world.events)
    return made


def _found(world: Consortium) -> None:
    Chamber(world, DEADLINE)
    for index in range(MEMBERS):
        world.emit(r.Announced, index=index, gateway=f"https://gateway{index}.test")
    world.open_job()


def _score(world: Consortium) -> None:
    """Round 1 is final, agreed to by everyone, and scored; one scorer withholds what it committed to."""
    world.begin().finish(late=True)
    world.open_scoring().score(without=[4])


def _fail_once(world: Consortium) -> None:
    """A release; a round whose second attempt is final; its scoring is void."""
    chamber = world.chamber
    made = chamber.model()
    chamber.propose(made).vote(0, 1, choice=r.Choice.FOR).vote(2, choice=r.Choice.AGAINST).vote(3)
    world.emit(r.VoteClosed, proposal=chamber.latest.id, deadline=DEADLINE - 1)
    chamber.execute()
    world.emit(r.Released, **released(made))
    world.begin(1).publish(1)
    world.miss(0, 2, 3)
    world.finish(2)
    world.open_scoring().score(without=[1, 2, 3, 4])


def _refute(world: Consortium) -> None:
    """A member rotates its key, another one's is recovered, the rules change; a round has no model in two attempts."""
    epoch = world.history.epoch
    world.emit(r.KeyRotated, index=1, old_key=world.keys[1], new_key=key(1, 1), epoch=epoch + 1)
    for count, member in enumerate((0, 3, 4), 1):
        world.emit(r.RotationApproved, index=2, new_key=key(2, 1), member=member, approvals=count)
    world.emit(r.KeyRotated, index=2, old_key=world.keys[2], new_key=key(2, 1), epoch=epoch + 2)
    world.keys[1:3] = [key(1, 1), key(2, 1)]
    chamber = world.chamber
    chamber.propose(a.CloseJob(1), 3)
    world.emit(r.Cancelled, proposal=chamber.latest.id)
    chamber.decide(a.ChangeRules(RULES))
    world.emit(r.RulesChanged, rules=RULES)
    world.begin(3).publish(3)
    world.miss(0, 1, 2)
    world.publish(4)
    world.miss(0, 1, 2)


def _leave_out(world: Consortium) -> None:
    """A sixth member; a round whose final model is made without an update that too few signed for."""
    chamber = world.chamber
    chamber.decide(a.AdmitMember(GUESTS_KEY, 1, "guest"))
    epoch = world.history.epoch + 1
    world.emit(r.MemberAdmitted, index=GUEST, key=GUESTS_KEY, roles=1, epoch=epoch, name=name_words("guest"))
    world.keys.append(GUESTS_KEY)
    chamber.decide(a.ChangeRoles(GUEST, 7))
    world.emit(r.RolesChanged, index=GUEST, roles=7, epoch=world.history.epoch + 1)
    world.begin(4).publish(4, without=[3])
    for member in (0, 1, 2):
        world.attest(member)


def _abandon(world: Consortium) -> None:
    """The sixth member is removed; one party does not open its update, and nobody aggregates."""
    world.chamber.decide(a.RemoveMember(GUEST))
    world.emit(r.MemberRemoved, index=GUEST, key=GUESTS_KEY, epoch=world.history.epoch + 1)
    world.keys.pop()
    world.open_round(2)
    for member in range(MEMBERS):
        world.submit(member)
    world.pending.pop()
    world.open_pending().advance()


def _end(world: Consortium) -> None:
    """A second job that never opens is closed; releases come and go; a successor; round 6 is final, in peace."""
    chamber, terms = world.chamber, world.job.terms
    proposed = {"digest": sha256(b"another"), "terms": terms, "model": world.job.model_terms}
    world.emit(r.JobProposed, job=2, proposer=world.keys[3], **proposed)
    world.emit(r.JobApproved, job=2, member=world.keys[4], approvals=1)
    chamber.decide(a.CloseJob(2))
    world.emit(r.JobClosed, job=2)
    first, second = chamber.model(), chamber.model(version="2.0", number=4)
    chamber.release(second)
    one, two = (release_id(made.name, made.version) for made in (first, second))
    chamber.decide(a.RollBack(first.name, first.version))
    world.emit(r.RolledBack, release=one, previous=two)
    chamber.revoke("cardio", "2.0", b"data error".ljust(32, b"\x00"))
    chamber.decide(a.NameSuccessor(7, key(9)))
    world.emit(r.SuccessorNamed, chain=7, ledger=key(9))
    world.begin().finish()


def _go_on(world: Consortium) -> None:
    """What is under no signed head: a word of each kind that needs no round, and a vote under way."""
    world.emit(r.Announced, index=4, gateway="https://moved.test")
    world.chamber.propose(a.ChangeRoles(4, 3), 1).vote(0)


STAGES: tuple[Callable[[Consortium], None], ...] = (
    _found,
    _score,
    _fail_once,
    _refute,
    _leave_out,
    _abandon,
    _end,
    _go_on,
)
WHOLE = len(STAGES)


@cache
def _built(stages: int) -> Consortium:
    if not stages:
        return Consortium()
    world = copied(_built(stages - 1))
    STAGES[stages - 1](world)
    if stages == WHOLE:
        others = set(get_args(r.AnyMaskEvent | r.AnyBudgetEvent))
        others |= {r.Convicted, r.Shown, r.ModelConvicted, r.JobRewound}  # nothing honest is convicted
        missing = set(r.EVENTS) - {type(event) for event in world.events} - others
        assert not missing, "a kind of event does not occur"
    return world


def honest(stages: int = WHOLE) -> Consortium:
    """A copy of the history after so many stages; of all of it by default."""
    return copied(_built(stages))


@cache
def _forked(stages: int) -> Consortium:
    world = copied(_built(stages))
    world.forked, world.random = world.block, np.random.default_rng(99)
    for stage in STAGES[stages:]:
        stage(world)
    return world


def fork(stages: int) -> Consortium:
    """Another end of the history after so many stages, as long: the same members sign it, on blocks of other hashes."""
    return copied(_forked(stages))
