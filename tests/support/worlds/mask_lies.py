"""Lies under masks, each in a world of its own, with an honest round behind it whose head the members sign.

Five members, of whom member 4 (centre) lies where nothing else is said; its threshold is 4 of 5.
"""

from collections.abc import Callable, Collection
from dataclasses import replace

import msgspec
import numpy as np
from support.masked import draws
from support.worlds.lies import publish_altered
from support.worlds.masked import MaskedWorld
from support.worlds.masked_segments import MASKED

from ledger.events.rounds import Form
from ledger.formats.cid import of_file
from ledger.masks.secret import Secret
from ledger.masks.setup import SecretKind, SetupFile, deal_setup, draw_rounds, size_of
from ledger.masks.sharing import draw_secret

AGREE = Form.AGREE
LIAR = 4
OTHERS = (0, 1, 2, 3)
FALSE = Secret(bytes(range(32)))


def begun() -> MaskedWorld:
    return MaskedWorld().open_job()


def false_self_seed() -> MaskedWorld:
    """The others make the true one of their shares, and the round goes on."""
    world = begun().cast().begin().fix_set()
    for member in OTHERS:
        world.unmask(member)
    world.unmask(LIAR, seed=FALSE)
    world.pass_blocks(world.said.unmask_deadline - world.time + 12)
    for member in OTHERS:
        world.give(member)
    return world.end().honest_round(OTHERS)


def false_share() -> MaskedWorld:
    """Of the round key of member 0, which brought nothing; three true ones are enough."""
    world = (
        MaskedWorld(privacy=msgspec.structs.replace(MASKED, threshold=3))
        .open_job()
        .cast()
        .begin((1, 2, 3, 4))
        .fix_set()
    )
    for member in (1, 2, 3):
        world.unmask(member)
    world.unmask(LIAR, shares={0: FALSE})
    return world.end().honest_round()


def other_shares(world: MaskedWorld, number: int, kind: SecretKind) -> SetupFile:
    """A set-up whose shares, all as listed, make another secret than it commits to, in its first round."""
    honest = world.dealt(number, LIAR)
    segment, first = honest.segment, honest.rounds[0]
    secrets = list(world.secrets[number, LIAR])
    other = draw_secret(draws(9))
    lying = secrets[0].key if kind is SecretKind.KEY else secrets[0].seed
    assert other != lying
    swapped = replace(secrets[0], **{"key" if kind is SecretKind.KEY else "seed": other})
    dealt = deal_setup(segment, LIAR, [swapped, *secrets[1:]], draws(8))
    said = replace(dealt.rounds[0], point=first.point, seed=first.seed)
    return replace(dealt, rounds=(said, *dealt.rounds[1:]))


def cast_with_other_shares(kind: SecretKind) -> MaskedWorld:
    world = begun()
    world.open_segment()
    for member in OTHERS:
        world.set_up(1, member)
    world.set_up(1, LIAR, other_shares(world, 1, kind).encode())
    world.pass_blocks(world.masks.terms.set_up_seconds)
    world.propose_cast(1, range(5))
    world.agree_cast(1)
    return world


def inconsistent_shares_of_a_key() -> MaskedWorld:
    """The liar brings nothing; what it dealt makes another key, so the masks stay on; no model, and it is out."""
    world = cast_with_other_shares(SecretKind.KEY)
    world.begin(OTHERS).fix_set().answer().end()
    return world.honest_round(OTHERS)


def inconsistent_shares_of_a_seed() -> MaskedWorld:
    """The liar is silent after the set; what it dealt makes another seed."""
    world = cast_with_other_shares(SecretKind.SEED)
    world.begin().fix_set().answer([LIAR]).end()
    return world.honest_round(OTHERS)


def refused_setup(
    file: Callable[[MaskedWorld], bytes],
    world: MaskedWorld | None = None,
    number: int = 1,
    cast: Collection[int] = OTHERS,
) -> MaskedWorld:
    """The liar's file is refused: the cast is made without it, unless another `cast` is agreed with."""
    world = world or begun()
    world.open_segment(number)
    for member in OTHERS:
        world.set_up(number, member)
    world.set_up(number, LIAR, file(world))
    world.pass_blocks(world.masks.terms.set_up_seconds)
    world.propose_cast(number, cast)
    world.agree_cast(number)
    return world.honest_round(OTHERS)


def low_order_point() -> MaskedWorld:
    def file(world: MaskedWorld) -> bytes:
        honest = world.dealt(1, LIAR)
        return replace(honest, rounds=(replace(honest.rounds[0], point=bytes(32)), *honest.rounds[1:])).encode()

    return refused_setup(file)


def key_of_two_rounds() -> MaskedWorld:
    def file(world: MaskedWorld) -> bytes:
        first, second, third = draw_rounds(world.segment(1), world.draw)
        return deal_setup(world.segment(1), LIAR, [first, second, replace(third, key=first.key)], world.draw).encode()

    return refused_setup(file)


def key_of_an_earlier_segment(cast: Collection[int] = OTHERS) -> MaskedWorld:
    world = begun().cast()
    for _ in range(3):
        world.honest_round()

    def file(world: MaskedWorld) -> bytes:
        fresh = draw_rounds(world.segment(2), world.draw)
        used = [*fresh[:2], replace(fresh[2], key=world.secrets[1, LIAR][0].key)]
        return deal_setup(world.segment(2), LIAR, used, world.draw).encode()

    return refused_setup(file, world, 2, cast)


def file_of_another_segment() -> MaskedWorld:
    """The liar publishes again what it published for the first segment."""
    world = begun().cast()
    for _ in range(3):
        world.honest_round()
    cid = of_file(world.masks.segments[1].setups[LIAR].cid, size_of(world.segment(1)))
    return refused_setup(lambda world: world.files.files[cid], world, 2)


def file_of_another_member() -> MaskedWorld:
    return refused_setup(lambda world: world.dealt(1, 0).encode())


def file_that_is_cut() -> MaskedWorld:
    return refused_setup(lambda world: world.dealt(1, LIAR).encode()[:-1])


def file_of_other_bytes() -> MaskedWorld:
    return refused_setup(lambda world: bytes(size_of(world.segment(1))))


def void(words: np.ndarray | None = None, values: np.ndarray | None = None, **how: object) -> MaskedWorld:
    """A round whose sum the liar's update puts out of bounds: everyone agrees that there is no model."""
    world = MaskedWorld(**how).open_job().cast()  # type: ignore[arg-type]
    world.open_round()
    for member in range(len(world.keys)):
        world.mask(member, *([values] if member == LIAR else []), words=words if member == LIAR else None)
    return world.fix_set().answer().end()


def noise(values: int) -> np.ndarray:
    return np.frombuffer(draws(7)(8 * values), "<u8")


def garbage() -> MaskedWorld:
    """Not an update at all; all but the liar open."""
    world = void(noise(610))
    for member in OTHERS:
        world.show(member)
    return world.pass_blocks(300).honest_round(OTHERS)


def too_large() -> MaskedWorld:
    """Values beyond the bound; all open, the liar among them."""
    values = np.full(610, 0, "<i4")
    values[7] = (1 << 31) - 1
    world = void(values=values)
    for member in range(5):
        world.show(member)
    return world.honest_round(OTHERS)


def false_opening(key: Callable[[MaskedWorld], Secret] = lambda _: FALSE) -> MaskedWorld:
    """All but the liar open; it shows a key that is not its own of this round."""
    world = void(noise(610))
    for member in OTHERS:
        world.show(member)
    world.show(LIAR, key(world))
    return world.pass_blocks(300).honest_round(OTHERS)


def opening_of_another_round() -> MaskedWorld:
    return false_opening(lambda world: world.secrets[1, LIAR][1].key)


def silent_liar() -> MaskedWorld:
    """Another member is away, too, so nobody's opening shows the liar's update: both are out."""
    world = void(noise(610), members=7)
    for member in (1, 2, 3, 5, 6):
        world.show(member)
    return world.pass_blocks(300).honest_round((1, 2, 3, 5, 6))


def garbage_packets() -> MaskedWorld:
    """Nobody can read what the liar sealed, and it brings nothing: the round cannot be unmasked. The next cast leaves
    it out.
    """
    world = begun()
    world.open_segment()
    for member in OTHERS:
        world.set_up(1, member)
    honest = world.dealt(1, LIAR)
    broken = {holder: bytes(len(packet)) for holder, packet in honest.packets.items()}
    world.set_up(1, LIAR, replace(honest, packets=broken).encode())
    world.pass_blocks(world.masks.terms.set_up_seconds)
    world.propose_cast(1, range(5))
    world.agree_cast(1)
    for _ in range(3):
        world.begin(OTHERS).fix_set()
        for member in OTHERS:
            world.unmask(member, shares={})
        world.advance()
    return world.cast(2, OTHERS).honest_round(OTHERS)


def set_with_what_has_no_certificate() -> MaskedWorld:
    """East proposes, and south agrees; a majority does not."""
    world = begun().cast().begin(opener=1)
    world.propose_set(range(5), without=[3], proposer=1)
    world.agree_set([2])
    world.pass_blocks(world.masks.terms.set_seconds)
    world.propose_set(proposer=2)
    world.agree_set([0, 3])
    return world.answer().end().honest_round()


def set_without_an_update() -> MaskedWorld:
    world = begun().cast().begin(opener=1)
    world.propose_set((0, 1, 2, 3), proposer=1)
    world.pass_blocks(world.masks.terms.set_seconds)
    world.propose_set(proposer=2)
    world.agree_set()
    return world.answer().end().honest_round()


def set_without_an_update_by_a_majority() -> MaskedWorld:
    world = begun().cast().begin(opener=1)
    world.propose_set((0, 1, 2, 3), proposer=1)
    world.agree_set([2, 3])
    return world.answer().end().honest_round()


def cast_with_a_refused_file() -> MaskedWorld:
    """East proposes a cast with the liar, whose file is refused; it lapses."""
    world = begun()
    world.open_segment()
    for member in OTHERS:
        world.set_up(1, member)
    world.set_up(1, LIAR, bytes(7))
    world.pass_blocks(world.masks.terms.set_up_seconds)
    world.propose_cast(1, range(5), 1)
    world.agree_cast(1, [2])
    world.pass_blocks(world.masks.terms.set_seconds)
    world.propose_cast(1, OTHERS, 0)
    world.agree_cast(1)
    return world.honest_round(OTHERS)


def other_receipts() -> MaskedWorld:
    """East's aggregate names another receipts file than the set was agreed with."""
    world = begun().cast().begin(opener=1).fix_set().answer()
    outcome = world.outcome()
    world.publish(1, outcome, receipts=world.files.put(b"").digest)
    return world


def wrong_model() -> MaskedWorld:
    """East publishes a model that differs in one value."""
    world = begun().cast().begin(opener=1).fix_set().answer()
    publish_altered(world, 10 + 300)
    return world


def poison_in_range() -> MaskedWorld:
    """A value above the bound of an update, within that of the sum: nobody sees it (docs/spec/masks.md)."""
    world = begun().cast().open_round()
    for member in OTHERS:
        world.mask(member, np.zeros(610, "<i4"))
    world.mask(LIAR, np.full(610, world.job.admission.max_value + 1, "<i4"))
    return world.fix_set().answer().end()
