"""A small consortium whose job is sealed, in memory: members seal what they bring, a test reads as whom it likes."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import numpy as np
from support.seals import fresh, seal_all
from support.worlds.world import World, artifact

from ledger.formats.artifact import Tensor
from ledger.jobs.privacy import READERS, SealedTo
from ledger.rounds.facts import RoundFacts
from ledger.rounds.sealed import Erased
from ledger.seals.keys import ContentKey, UpdateName
from ledger.seals.leaves import salted_root

MEMBERS, VALUES = 4, 3000
TENSORS = (Tensor("w", (VALUES,)),)


def values_of(member: int) -> np.ndarray:
    """What a member learned."""
    return np.random.default_rng(member).integers(-1 << 15, 1 << 15, VALUES).astype("<i4")


class SealedWorld(World):
    """One sealed job, with a round open; `facts` are those of a reader of all updates."""

    def __init__(self, **options: Any) -> None:
        super().__init__(MEMBERS, tensors=TENSORS, privacy=SealedTo(readers=READERS[0]), **options)
        self.sealed: dict[bytes, ContentKey] = {}
        self.open_job().open_round()

    def update_name(self, member: int) -> UpdateName:
        return UpdateName(self.name, self.keys[member])

    def seal(self, member: int, values: np.ndarray, *, file: bytes | None = None, root: bytes | None = None) -> None:
        """Commit to a sealed update, or to a file that is said to be one."""
        key = fresh(self.update_name(member))
        data = seal_all(artifact(self.layout, self.binding(member), values), key) if file is None else file
        self.bring(member, key, data, root or salted_root([values], key))

    def bring(self, member: int, key: ContentKey, data: bytes, root: bytes) -> None:
        """Commit to this file under this root, and let readers have this key."""
        sent = self.submit(member, data=data, root=root, weight=10 + member)
        self.sealed[sent.cid.digest] = key

    @property
    def facts(self) -> RoundFacts:
        return self.reader()(super().facts)

    def reader(
        self, *, without: Collection[int] = (), erased: Collection[int] = ()
    ) -> Callable[[RoundFacts], RoundFacts]:
        """Opens all updates but those of these members; some of them said that they erased theirs."""
        closed = {self.keys[member] for member in (*without, *erased)}
        gone = {self.keys[member] for member in erased}

        def opened(facts: RoundFacts) -> RoundFacts:
            keys = dict(facts.keys)
            keys |= {cid: key for cid, key in self.sealed.items() if cid in keys and key.name.party not in closed}
            for one in facts.entries:
                if one.update.party in gone:
                    keys[one.update.cid] = Erased(UpdateName(facts.name, one.update.party))
            return replace(facts, keys=keys)

        return opened

    def closed_facts(self, *without: int) -> RoundFacts:
        """The facts of a reader that lacks the keys of these members."""
        self.open_pending()
        return self.reader(without=without)(RoundFacts.of(self.place, self.state, self.job, self.round))
