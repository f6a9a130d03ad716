"""Rounds in which members lie, on a copy of the honest history: what aggregators publish, and members say."""

from collections.abc import Callable
from random import Random

from support.lies.base import WHOLE, Consortium, honest
from support.worlds.lies import honest_values, model_file
from support.worlds.world import NAMES, altered

from ledger.events import records as r
from ledger.formats.digest import NOTHING, sha256
from ledger.history.state import Phase
from ledger.rounds.receipts import bitmap_of, encode, merged


def majority(members: int) -> int:
    """As many as decide."""
    return members // 2 + 1


def blocking(members: int) -> int:
    """As many as make an attempt fail, whatever the others say."""
    return members - majority(members) + 1


def minority(members: int) -> int:
    """As many as may lie where a majority is honest."""
    return members - majority(members)


class Cast:
    """A copy of the history after some stages, and who lies in what follows: `liar` first, `others` are honest."""

    def __init__(self, random: Random, liars: Callable[[int], int] = lambda members: 1, stages: int = 0) -> None:
        self.random = random
        self.world: Consortium = honest(stages or random.choice((2, 3, 4, 5, 6, WHOLE)))
        self.members = len(self.world.keys)
        members, count = random.sample(range(self.members), self.members), liars(self.members)
        self.liars, self.others = members[:count], members[count:]

    @property
    def liar(self) -> int:
        return self.liars[0]

    @property
    def names(self) -> frozenset[str]:
        """The liars' names."""
        return frozenset(NAMES[index] for index in self.liars)

    @property
    def place(self) -> str:
        """The current round, as claims name it."""
        return f"1/{self.world.round.number}"

    def begin(self, opener: int | None = None) -> "Cast":
        """A round whose updates are open, the liar's turn first."""
        self.world.begin(self.liar if opener is None else opener)
        return self

    def attest(self) -> None:
        """Honest members that have not spoken say what they computed, until that decides the attempt."""
        aggregate = self.world.aggregate
        for member in self.others:
            if aggregate.outcome is None and not aggregate.attested_by(member):
                self.world.attest(member)

    def agree(self, *members: int) -> None:
        """Members agree with whatever was published, under the witness of what recomputes."""
        world = self.world
        for member in members:
            if world.round.phase is Phase.ATTESTING:
                world.say(member, r.Form.AGREE, world.aggregate.claim, witness_of(world, member))

    def settle(self) -> "Cast":
        """Honest members bring the round to its end, or the next one, so that all before it is signed."""
        world = self.world
        if world.round.phase.terminal:
            world.begin(self.others[0])
        tried = {one.index for one in world.round.aggregates}
        first = next(member for member in self.others if member not in tried)
        world.publish(first)
        self.attest()
        return self


def witness_of(world: Consortium, member: int) -> bytes:
    """What a member that computed would show for the published claim."""
    return world.recomputed()[0].witness(world.keys[member], world.aggregate.claim)


Publish = Callable[[Cast], None]


def false_value(cast: Cast) -> None:
    """Another value in the model, whose file is stored."""
    world = cast.world
    values = honest_values(world)
    root, cid = model_file(world, altered(values, cast.random.randrange(len(values)), cast.random.choice((1, -1, 77))))
    world.publish(cast.liar, root=root, cid=cid.digest)


def false_root(cast: Cast) -> None:
    """A root of which nobody has a file."""
    cast.world.publish(cast.liar, root=cast.random.randbytes(32))


def false_cid(cast: Cast) -> None:
    """The right root, and the CID of something else."""
    cast.world.publish(cast.liar, cid=cast.random.randbytes(32))


def false_verdict(cast: Cast) -> None:
    """A verdict that the update did not earn."""
    verdicts = bytearray(len(cast.world.round.updates))
    verdicts[cast.random.randrange(len(verdicts))] = cast.random.choice((1, 5, 6, 7, 8, 9))
    cast.world.publish(cast.liar, verdicts=bytes(verdicts))


def unknown_verdict(cast: Cast) -> None:
    """A verdict that there is none of."""
    verdicts = bytearray(len(cast.world.round.updates))
    verdicts[cast.random.randrange(len(verdicts))] = cast.random.randrange(10, 256)
    cast.world.publish(cast.liar, verdicts=bytes(verdicts))


def no_model(cast: Cast) -> None:
    """That there can be no model, though there can."""
    cast.world.publish(cast.liar, root=NOTHING, cid=NOTHING)


def old_model(cast: Cast) -> None:
    """The model of an earlier round."""
    first = cast.world.state.rounds[1].aggregates[0]
    cast.world.publish(cast.liar, root=first.root, cid=first.cid)


def uncertified_bytes(cast: Cast) -> None:
    """Bytes are used for which too few have signed."""
    world = cast.world
    world.publish(cast.liar, world.outcome(), without=[cast.random.randrange(cast.members)])


def certified_left_out(cast: Cast) -> None:
    """An update is called UNAVAILABLE that the receipts certify."""
    world, out = cast.world, cast.random.randrange(cast.members)
    world.publish(cast.liar, world.outcome([out]))


def no_receipts(cast: Cast) -> None:
    """The file that is named holds no receipts, and yet there is a model."""
    world = cast.world
    world.publish(cast.liar, receipts=world.files.put(b"no receipts").digest)


def forged_receipts(cast: Cast) -> None:
    """Receipts in others' names, under the liar's own signature, for an update that nobody signed for."""
    world, out = cast.world, cast.random.randrange(cast.members)
    updates = bitmap_of(world.round.updates)
    honest_ = [world.have(member, updates & ~(1 << out)) for member in range(cast.members)]
    mine = world.have(cast.liar, 1 << out)
    forged = [mine._replace(member=member) for member in range(cast.members)]
    _with_receipts(cast, encode(merged([*honest_, *forged])))


def replayed_receipts(cast: Cast) -> None:
    """Receipts of the first round, shown as this one's."""
    world = cast.world
    first = world.state.rounds[1].aggregates[0].receipts
    world.publish(cast.liar, receipts=first)


def _with_receipts(cast: Cast, data: bytes) -> None:
    world = cast.world
    world.files.put(data)
    world.publish(cast.liar, world.outcome(), receipts=sha256(data))


AGGREGATES: tuple[Publish, ...] = (
    false_value,
    false_root,
    false_cid,
    false_verdict,
    unknown_verdict,
    no_model,
    old_model,
    uncertified_bytes,
    certified_left_out,
    no_receipts,
    forged_receipts,
    replayed_receipts,
)
"""What an aggregator can publish that is false, and that the contract takes."""
