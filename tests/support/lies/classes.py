"""The named classes of lies, each told from a seed: who lies, what stays right, and what a report must list.

Those of aggregators and members are here; `others` has those of parties, proposers and scorers, `servers` those of
servers, alone and with a member's help.
"""

from collections.abc import Callable, Mapping
from random import Random

from support.lies.rounds import AGGREGATES, Cast, Publish, blocking, false_value, majority, minority, witness_of
from support.lies.served import serve
from support.lies.told import Told
from support.worlds.lies import oppose
from support.worlds.signing import key
from support.worlds.world import NAMES

from ledger.audit.report import Answer, LieState
from ledger.events import records as r
from ledger.events.rounds import Form
from ledger.formats.cid import of_file
from ledger.formats.digest import sha256
from ledger.history.state import Phase

Tell = Callable[[Random], Told]
NO_LIES: Mapping[str, LieState] = {}


def of_aggregates() -> dict[str, Tell]:
    """Each false aggregate while it is attested, refuted, and made final by a majority of liars."""
    made: dict[str, Tell] = {}
    for publish in AGGREGATES:
        name = publish.__name__.replace("_", " ")
        made[f"{name}, being attested"] = lambda random, publish=publish: _pending(random, publish)  # type: ignore[misc]
        made[f"{name}, refuted"] = lambda random, publish=publish: _refuted(random, publish)  # type: ignore[misc]
        made[f"{name}, final"] = lambda random, publish=publish: _final(random, publish)  # type: ignore[misc]
    return made


def _pending(random: Random, publish: Publish) -> Told:
    cast = Cast(random).begin()
    publish(cast)
    return told(cast, dict.fromkeys(cast.names, "pending"), f"aggregate {cast.place}, attempt 1")


def _refuted(random: Random, publish: Publish) -> Told:
    cast = Cast(random).begin()
    publish(cast)
    cast.attest()
    cast.settle()
    return told(cast, caught(cast))


def _final(random: Random, publish: Publish) -> Told:
    cast = Cast(random, majority).begin()
    publish(cast)
    cast.agree(*cast.liars[1:])
    listed: dict[str, LieState] = dict.fromkeys(cast.names, "standing")
    return told(cast, listed, f"model {cast.place}", f"no model {cast.place}", majority=True)


def told(cast: Cast, listed: Mapping[str, LieState] = NO_LIES, *false: str, majority: bool = False) -> Told:
    """What happened in a cast's world, honestly served: `no` where something false stands or is being attested."""
    shown = serve(cast.world)
    answer: Answer | None = "no" if false and listed else None if false or majority else "yes"
    return Told(shown, shown, cast.names, frozenset(false), listed, majority=majority, right=answer)


def caught(cast: Cast) -> dict[str, LieState]:
    """All liars are caught."""
    return dict.fromkeys(cast.names, "caught")


def head_of_another_history(random: Random) -> Told:
    """The liar signs another head; the honest oppose it, and sign the true one next."""
    cast = Cast(random).begin()
    cast.world.publish(cast.liar, head=random.randbytes(32))
    cast.attest()
    cast.settle()
    return told(cast, caught(cast))


def head_of_another_history_pending(random: Random) -> Told:
    """No majority has signed either head yet: nobody is judged."""
    cast = Cast(random).begin()
    cast.world.publish(cast.liar, head=random.randbytes(32))
    return told(cast, NO_LIES, f"aggregate {cast.place}, attempt 1")


def head_of_another_history_final(random: Random) -> Told:
    """A majority of liars signs another history than the one that is served: nothing is believed."""
    cast = Cast(random, majority).begin()
    cast.world.publish(cast.liar, head=random.randbytes(32))
    cast.agree(*cast.liars[1:])
    return told(cast, NO_LIES, f"model {cast.place}", majority=True)


def two_heads(random: Random) -> Told:
    """The liar agrees with two aggregates as of one block, with two heads; another liar published the second one."""
    cast = Cast(random, minority, stages=random.choice((2, 3, 4))).begin(0)
    world, (first, second) = cast.world, cast.liars
    honest = cast.others[0]
    world.publish(honest)
    said = world.aggregate.said
    world.attest(first)
    for member in (second, *cast.others[1:]):
        world.say(member, Form.MISSING, world.aggregate.claim, b"\x01".rjust(32, b"\x00"))
    world.publish_claim(second, said._replace(head=random.randbytes(32)))
    world.say(first, Form.AGREE, world.aggregate.claim)
    cast.attest()
    cast.settle()
    return told(cast, {NAMES[first]: "standing"})


def false_other(random: Random) -> Told:
    """Against a right aggregate, with a claim that recomputes under nothing; the aggregate is final."""
    cast = Cast(random).begin()
    cast.world.publish(cast.others[0])
    cast.world.say(cast.liar, Form.OTHER, random.randbytes(32), cast.world.aggregate.receipts)
    cast.attest()
    return told(cast, caught(cast))


def false_others_prevail(random: Random) -> Told:
    """So many oppose a right aggregate that it fails: a majority of liars, or half of an even number."""
    cast = Cast(random, blocking, stages=random.choice((2, 3, 4))).begin()
    world, first = cast.world, cast.others[0]
    number = world.round.number
    world.publish(first)
    for member in cast.liars:
        world.say(member, Form.OTHER, random.randbytes(32), world.aggregate.receipts)
    world.publish(cast.others[1])
    for member in cast.liars:
        if world.round.phase is Phase.ATTESTING:
            world.say(member, Form.AGREE, world.aggregate.claim, witness_of(world, member))
    listed: dict[str, LieState] = dict.fromkeys(cast.names, "standing")
    return told(cast, listed, *(f"failure of aggregate 1/{number}, attempt {n}" for n in (1, 2)), majority=True)


def other_with_its_own_receipts(random: Random) -> Told:
    """False, though it names a receipts file of its own that everybody can have."""
    cast = Cast(random).begin()
    world = cast.world
    world.publish(cast.others[0])
    world.say(cast.liar, Form.OTHER, random.randbytes(32), sha256(world.receipts([cast.others[1]])))
    cast.attest()
    return told(cast, caught(cast))


def other_with_receipts_nobody_has(random: Random) -> Told:
    """What cannot be recomputed convicts nobody."""
    cast = Cast(random).begin()
    world = cast.world
    world.publish(cast.others[0])
    world.say(cast.liar, Form.OTHER, random.randbytes(32), random.randbytes(32))
    cast.attest()
    return told(cast)


def honest_other(random: Random) -> Told:
    """Two honest views: a member has a certificate that the aggregate lacks. Nobody lies."""
    cast = Cast(random).begin()
    world, (first, second, *rest) = cast.world, cast.others
    receipts = world.receipts()
    world.publish(first, without=[rest[0]])
    oppose(world, second, receipts)
    cast.attest()
    return _of_nobody(cast)


def _of_nobody(cast: Cast) -> Told:
    cast.liars.clear()
    return told(cast)


def copied_witness(random: Random) -> Told:
    """The liar hands in what an honest member showed, as its own."""
    cast = Cast(random).begin()
    world = cast.world
    world.publish(cast.others[0])
    world.attest(cast.others[1])
    world.say(cast.liar, Form.AGREE, world.aggregate.claim, world.aggregate.attestations[0].detail)
    return _ended(cast)


def no_witness(random: Random) -> Told:
    """The liar agrees without computing."""
    cast = Cast(random).begin()
    cast.world.publish(cast.others[0])
    cast.world.say(cast.liar, Form.AGREE, cast.world.aggregate.claim, random.randbytes(32))
    return _ended(cast)


def _ended(cast: Cast) -> Told:
    cast.attest()
    return told(cast, caught(cast))


def late_false_witness(random: Random) -> Told:
    """After the round was final."""
    cast = Cast(random).begin(0)
    world = cast.world
    world.publish(cast.others[0])
    cast.attest()
    world.say(cast.liar, Form.AGREE, world.aggregate.claim, random.randbytes(32))
    return told(cast, caught(cast))


def agreement_with_a_lie(random: Random, *, refuted: bool = False) -> Told:
    """Two liars: one publishes a false value, the other one agrees."""
    cast = Cast(random, minority, stages=random.choice((2, 3, 4))).begin()
    false_value(cast)
    cast.agree(cast.liars[1])
    if refuted:
        cast.attest()
        cast.settle()
        return told(cast, caught(cast))
    return told(cast, dict.fromkeys(cast.names, "pending"), f"aggregate {cast.place}, attempt 1")


def agreement_with_a_lie_refuted(random: Random) -> Told:
    """The same, refuted by the others."""
    return agreement_with_a_lie(random, refuted=True)


def missing_with_bytes(random: Random) -> Told:
    """The liar says that it lacks bytes which everybody can have: this convicts nobody, and no model depends on it."""
    cast = Cast(random).begin(0)
    world = cast.world
    world.publish(cast.others[0])
    world.say(cast.liar, Form.MISSING, world.aggregate.claim, (1 << cast.others[1]).to_bytes(32, "big"))
    cast.attest()
    return told(cast)


def missing_prevails(random: Random) -> Told:
    """So many claim to lack bytes that a right aggregate fails: no lie can be shown."""
    cast = Cast(random, blocking).begin(0)
    world = cast.world
    world.publish(cast.others[0])
    for member in cast.liars:
        world.say(member, Form.MISSING, world.aggregate.claim, (1 << 255).to_bytes(32, "big"))
    return told(cast, majority=True)


def have_without_bytes(random: Random) -> Told:
    """As many liars as there may be sign for bytes that nobody has: too few for a certificate."""
    cast = Cast(random, minority, stages=random.choice((2, 3, 4)))
    world = cast.world
    world.open_round(cast.others[0])
    for member in range(cast.members):
        world.submit(member, weight=10 + member, stored=member != cast.liar)
    world.open_pending()
    world.publish(cast.others[0], without=[cast.liar])
    for member in cast.others[1:]:
        world.attest(member)
    return told(cast)


def have_without_bytes_by_a_majority(random: Random) -> Told:
    """A certificate for bytes that are gone: the model cannot be made again, and nobody is convicted."""
    cast = Cast(random, majority).begin()
    world = cast.world
    world.publish(cast.liar)
    for member in cast.liars[1:]:
        world.attest(member)
    gone = world.round.updates[cast.liar]
    shown = told(cast, majority=True)
    served = shown.served.without(of_file(gone.cid, world.layout.size))
    return Told(shown.truth, served, shown.liars, majority=True)


def rotation_each_round(random: Random) -> Told:
    """The liar rotates its key between commitment and attestation: its commitment stands, and nobody lied."""
    cast = Cast(random).begin(0)
    world, old = cast.world, cast.world.keys[cast.liar]
    new = key(cast.liar, 5)
    world.emit(r.KeyRotated, index=cast.liar, old_key=old, new_key=new, epoch=world.history.epoch + 1)
    world.keys[cast.liar] = new
    return _peaceful(cast)


def _peaceful(cast: Cast) -> Told:
    """Honest members make the round final; the liar can be shown no lie."""
    world, first = cast.world, cast.others[0]
    world.publish(first)
    cast.attest()
    return told(cast)


def turn_left(random: Random) -> Told:
    """The liar opens the round and publishes nothing."""
    return _peaceful(Cast(random).begin())


def turn_left_and_abandoned(random: Random) -> Told:
    """The liar opens a round that nobody ends."""
    cast = Cast(random).begin()
    cast.world.advance()
    return told(cast)


MEMBERS: dict[str, Tell] = of_aggregates() | {
    tell.__name__.replace("_", " "): tell
    for tell in (
        head_of_another_history,
        head_of_another_history_pending,
        head_of_another_history_final,
        two_heads,
        false_other,
        false_others_prevail,
        other_with_its_own_receipts,
        other_with_receipts_nobody_has,
        honest_other,
        copied_witness,
        no_witness,
        late_false_witness,
        agreement_with_a_lie,
        agreement_with_a_lie_refuted,
        missing_with_bytes,
        missing_prevails,
        have_without_bytes,
        have_without_bytes_by_a_majority,
        rotation_each_round,
        turn_left,
        turn_left_and_abandoned,
    )
}
