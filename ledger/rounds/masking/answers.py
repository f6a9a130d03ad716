"""The secrets of a masked round, from what its members showed of them (docs/spec/masks.md, "Shares" and "Blame").

Of each member of the set its self seed, as it showed it or made of shares; of each other member of the cast its round
key, made of shares. Shares count in the order in which they came: once as many sound ones are there as make a secret,
no later one changes what they make.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from ledger.history.state.masking import MaskAnswer, RoundMasks, SetUp
from ledger.masks.blame import Fault, Guilty
from ledger.masks.reveals import check_seed, is_listed, rebuilt
from ledger.masks.secret import Secret
from ledger.masks.setup import SecretKind, SetupFile


class Blame(NamedTuple):
    """Who is to blame, by what it said in transaction `tx`, and since which block the ledger shows it."""

    guilty: Guilty
    tx: bytes
    block: int


class Unmasking(Enum):
    """How far the secrets of a round are known."""

    COMPLETE = "complete"
    POSSIBLE = "possible"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class RoundSecretsShown:
    """What is known of a round's secrets: self seeds of the set, round keys of the cast outside of it, by member index.

    `wanting` says how many more sound shares make each secret that is not known; `lost` are the dealers whose shares
    make another one. `blame` is in the ledger's order. `known_in` is the block that completed them, 0 before.
    """

    seeds: Mapping[int, Secret] = field(repr=False)
    keys: Mapping[int, Secret] = field(repr=False)
    wanting: Mapping[int, int]
    lost: frozenset[int]
    blame: tuple[Blame, ...]
    known_in: int = 0

    @property
    def complete(self) -> bool:
        """Whether the masks can be taken off the sum."""
        return not self.wanting and not self.lost

    def state(self, time: int, share_deadline: int) -> Unmasking:
        """Whether they are known, or may be yet, at `time`, in seconds since 1970 by the chain's clock."""
        if self.complete:
            return Unmasking.COMPLETE
        return Unmasking.IMPOSSIBLE if self.lost or time > share_deadline else Unmasking.POSSIBLE


def kind_of(masks: RoundMasks, dealer: int) -> SecretKind:
    """Which secret of a dealer is asked for, ever: the self seed of one in the set, the round key of one outside."""
    return SecretKind.SEED if dealer in (masks.set or ()) else SecretKind.KEY


def owed_in_unmask(masks: RoundMasks, cast: Collection[int]) -> dict[int, SecretKind]:
    """The dealers whose shares a member of the set shows with its self seed: round keys of those outside of the set."""
    return dict.fromkeys(sorted(set(cast) - (masks.set or frozenset())), SecretKind.KEY)


def owed_in_shares(masks: RoundMasks, files: Mapping[int, SetupFile], holder: int) -> dict[int, SecretKind]:
    """The dealers whose shares a member of the roster gives after the time to unmask, with the kind of each.

    All whose secret is not known, but for those whose share this holder showed before.
    """
    known, shown = secrets_of(masks, files, {}), shares_of(masks, holder)
    return {dealer: kind_of(masks, dealer) for dealer in sorted(known.wanting) if dealer not in shown}


def shares_of(masks: RoundMasks, holder: int, before: int | None = None) -> set[int]:
    """The dealers of whose secret a member showed its share, sound or not, in blocks before `before`."""
    answers = (one for one in _answers(masks, holder) if before is None or one.block < before)
    return {dealer for answer in answers for dealer in answer.shares}


def first_shares(masks: RoundMasks, dealer: int) -> dict[int, int]:
    """The block in which each member first showed its share of a dealer's secret, sound or not, by member index."""
    holders = masks.answers.keys() | masks.given.keys()
    shown = ((holder, one) for holder in holders for one in _answers(masks, holder) if dealer in one.shares)
    found = dict[int, int]()
    for holder, one in shown:
        found.setdefault(holder, one.block)
    return found


def secrets_of(
    masks: RoundMasks, files: Mapping[int, SetupFile], setups: Mapping[int, SetUp], before: int | None = None
) -> RoundSecretsShown:
    """The secrets of a round whose set is fixed, with everyone who is to blame.

    `files` are the set-up files of the cast (`setups.cast_files`), and `setups` what their dealers said of them on the
    ledger, by member index. Answers of block `before` and later are not looked at.

    1. A self seed that was shown is held to the set-up file; another one is its member's fault.
    2. Each share is held to what its dealer listed; another one is the fault of who showed it.
    3. Of as many sound ones as needed, the first to come, by block, then by holder, a secret is made; where it is not
       the one that its dealer committed to, the dealer is to blame, and the secret is lost.
    """
    made = _Gathering(masks, files, setups, before)
    for member in sorted(files):
        made.take(member)
    blame = tuple(sorted(made.blame, key=lambda one: (one.block, one.guilty.member, one.guilty.fault)))
    complete = not made.wanting and not made.lost
    known_in = made.known_in if complete else 0
    return RoundSecretsShown(made.seeds, made.keys, made.wanting, frozenset(made.lost), blame, known_in)


class _Shown(NamedTuple):
    block: int
    holder: int
    share: Secret
    tx: bytes


class _Gathering:
    def __init__(
        self, masks: RoundMasks, files: Mapping[int, SetupFile], setups: Mapping[int, SetUp], before: int | None
    ) -> None:
        self._masks, self._files, self._setups, self._before = masks, files, setups, before
        self.seeds, self.keys = dict[int, Secret](), dict[int, Secret]()
        self.wanting, self.lost = dict[int, int](), set[int]()
        self.blame, self.known_in = list[Blame](), masks.fixed_in

    def take(self, member: int) -> None:
        """A member's secret, as it showed it, or of shares."""
        kind = kind_of(self._masks, member)
        if kind is SecretKind.SEED and self._seed(member):
            return
        sound = self._sound(member, kind)
        setup = self._files[member]
        needed = setup.segment.threshold
        if len(sound) < needed:
            self.wanting[member] = needed - len(sound)
            return
        used = sound[:needed]
        self.known_in = max(self.known_in, used[-1].block)
        try:
            secret = rebuilt(setup, kind, self._masks.round, {one.holder: one.share for one in used})
        except Guilty as guilty:
            self.lost.add(member)
            said = self._setups.get(member)
            self.blame.append(Blame(guilty, said.tx if said else b"", used[-1].block))
        else:
            (self.seeds if kind is SecretKind.SEED else self.keys)[member] = secret

    def _seed(self, member: int) -> bool:
        """Whether a member of the set showed its self seed, the true one."""
        answer = self._masks.answers.get(member)
        if answer is None or answer.seed is None or not self._in_time(answer):
            return False
        seed = Secret(answer.seed)
        try:
            check_seed(self._files[member], self._masks.round, seed)
        except Guilty as guilty:
            self.blame.append(Blame(guilty, answer.tx, answer.block))
            return False
        self.known_in = max(self.known_in, answer.block)
        self.seeds[member] = seed
        return True

    def _sound(self, dealer: int, kind: SecretKind) -> list[_Shown]:
        """The first sound share of each holder, in the ledger's order; who showed another one is to blame."""
        setup, number = self._files[dealer], self._masks.round
        sound = dict[int, _Shown]()
        for one in sorted(self._shown(dealer), key=lambda one: (one.block, one.holder)):
            if is_listed(setup, kind, number, one.holder, one.share):
                sound.setdefault(one.holder, one)
                continue
            message = f"its share of a secret of member {dealer} is not the one that was dealt"
            guilty = Guilty(one.holder, Fault.SHARE, message, round=number, dealer=dealer)
            self.blame.append(Blame(guilty, one.tx, one.block))
        return sorted(sound.values(), key=lambda one: (one.block, one.holder))

    def _shown(self, dealer: int) -> Iterator[_Shown]:
        for holder in sorted(self._masks.answers.keys() | self._masks.given.keys()):
            for answer in _answers(self._masks, holder):
                if dealer in answer.shares and self._in_time(answer):
                    yield _Shown(answer.block, holder, Secret(answer.shares[dealer]), answer.tx)

    def _in_time(self, answer: MaskAnswer) -> bool:
        return self._before is None or answer.block < self._before


def _answers(masks: RoundMasks, holder: int) -> Iterator[MaskAnswer]:
    """What a member showed, in order: two answers of a share for each dealer at most, as the contract takes them."""
    if holder in masks.answers:
        yield masks.answers[holder]
    if holder in masks.given:
        yield masks.given[holder]
