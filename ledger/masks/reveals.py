"""What members show of their secrets and shares, held to the set-up files (docs/spec/masks.md, "Blame")."""

from collections.abc import Collection, Mapping

from ledger.errors import Malformed, Unavailable
from ledger.formats.digest import sha256
from ledger.masks.blame import Fault, Guilty
from ledger.masks.keys import Cast, point_of
from ledger.masks.packets import unseal
from ledger.masks.secret import Secret
from ledger.masks.setup import SecretKind, SetupFile, digest_of, head_of, seed_digest
from ledger.masks.sharing import in_field, rebuild

HeldShares = Mapping[SecretKind, Secret]
"""A holder's shares of a dealer's two secrets of one round."""


class TooFewShares(Unavailable):
    """Fewer true shares than the threshold: nothing can be rebuilt, and nothing is learned."""


def read_packet(setup: SetupFile, holder: int, mask_key: Secret) -> list[HeldShares]:
    """A holder's shares of each round of a set-up file, by its private mask key.

    Raises Malformed where the packet does not open, for which nobody can be blamed by word alone, and Guilty, naming
    the dealer, where a share is not the one that the file lists.
    """
    segment = setup.segment
    shares = unseal(setup.packets[holder], mask_key, head_of(segment, setup.member), holder)
    pairs: list[HeldShares] = [
        dict(zip(SecretKind, pair, strict=True)) for pair in zip(shares[::2], shares[1::2], strict=True)
    ]
    for place, held in enumerate(pairs):
        for kind, share in held.items():
            if not in_field(share) or not is_listed(setup, kind, segment.first + place, holder, share):
                raise Guilty(
                    setup.member,
                    Fault.SETUP,
                    f"the share that it sealed for member {holder} is not the one that its set-up file lists",
                    round=segment.first + place,
                )
    return pairs


def is_listed(setup: SetupFile, kind: SecretKind, round_: int, holder: int, share: Secret) -> bool:
    """Whether a share is the one that a set-up file lists for its holder."""
    name = setup.segment.name(setup.segment.place(round_))
    listed = setup.of(round_).shares[kind].get(holder)
    return listed == digest_of(kind, name, setup.member, holder, share)


def check_seed(setup: SetupFile, round_: int, seed: Secret) -> None:
    """Raises Guilty, naming the member, for another self seed than its set-up file commits to."""
    if not _is_seed(setup, round_, seed):
        raise Guilty(setup.member, Fault.SEED, "the self seed is not the one of its set-up file", round=round_)


def check_opening(setup: SetupFile, round_: int, key: Secret) -> None:
    """Raises Guilty, naming the member, for another round key than that of this round in its set-up file."""
    if not _is_key(setup, round_, key):
        raise Guilty(setup.member, Fault.OPENING, "the key that opens is not that of the round", round=round_)


def check_new(setup: SetupFile, used: Collection[bytes]) -> None:
    """Raises Guilty, naming the dealer, for a round key that it `used` in an earlier segment of the job."""
    for place, one in enumerate(setup.rounds):
        if one.point in used:
            number = setup.segment.first + place
            raise Guilty(setup.member, Fault.REUSE, "a round key was used before", round=number, point=one.point)


def sound_shares(
    setup: SetupFile, kind: SecretKind, round_: int, shares: Mapping[int, Secret]
) -> tuple[dict[int, Secret], list[Guilty]]:
    """Which shares, by holder, are as the dealer listed them; and for each other one its holder, who is to blame."""
    sound = {holder: share for holder, share in sorted(shares.items()) if is_listed(setup, kind, round_, holder, share)}
    message = f"its share of a secret of member {setup.member} is not the one that was dealt"
    return sound, [Guilty(holder, Fault.SHARE, message, round=round_) for holder in sorted(shares.keys() - sound)]


def rebuilt(setup: SetupFile, kind: SecretKind, round_: int, shares: Mapping[int, Secret]) -> Secret:
    """A member's secret of a round, of shares that may be false: of as many sound ones as needed, by ascending holder.

    Raises TooFewShares, and Guilty, naming the dealer, where sound shares make another secret than it committed to, or
    are not numbers below the prime.
    """
    sound, _ = sound_shares(setup, kind, round_, shares)
    needed = setup.segment.threshold
    if len(sound) < needed:
        raise TooFewShares("too few shares to rebuild a secret", member=setup.member, needed=needed, actual=len(sound))
    used = dict(list(sound.items())[:needed])
    is_right = _is_key if kind is SecretKind.KEY else _is_seed
    secret = rebuild(used) if all(map(in_field, used.values())) else None
    if secret is None or not is_right(setup, round_, secret):
        raise Guilty(setup.member, Fault.DEALING, "the shares that it dealt make another secret", round=round_)
    return secret


def cast_of(setups: Mapping[int, SetupFile], round_: int) -> Cast:
    """The round keys of those whose set-up files count, for one round of their segment.

    Raises Malformed where they are of several segments.
    """
    segments = {sha256(head_of(one.segment, 0)) for one in setups.values()}
    if len(segments) != 1:
        raise Malformed("set-up files of several segments make no cast", segments=len(segments))
    segment = next(iter(setups.values())).segment
    points = {member: setup.of(round_).point for member, setup in sorted(setups.items())}
    return Cast(segment.name(segment.place(round_)), points)


def _is_key(setup: SetupFile, round_: int, key: Secret) -> bool:
    return point_of(key) == setup.of(round_).point


def _is_seed(setup: SetupFile, round_: int, seed: Secret) -> bool:
    name = setup.segment.name(setup.segment.place(round_))
    return seed_digest(name, setup.member, seed) == setup.of(round_).seed
