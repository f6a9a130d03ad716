"""A job's files as a ledger has them, in a store of its own and without a chain: base model, updates, global models.

Layouts, headers, row trees, masks and sums are the ledger's; nothing here makes bytes that a node would not make.
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from torch import nn

from attacks.victims import Update, layout_of
from ledger.errors import FedledgerError
from ledger.formats.artifact import Buffer
from ledger.formats.cid import Cid
from ledger.formats.claims import RoundName
from ledger.formats.digest import sha256
from ledger.formats.header import Binding, Kind
from ledger.formats.merkle import root_of
from ledger.formats.rows import Draw
from ledger.jobs.document import Admission
from ledger.masks.keys import Cast, point_of
from ledger.masks.sharing import draw_secret
from ledger.masks.sums import masked_file, masking, unmasking
from ledger.party.pins import initial_pin, model_pin, update_pin
from ledger.rounds.masking.inputs import MaskedInputs, whole
from ledger.rounds.model import make_model
from ledger.store import Store
from ledger.store.files import read
from participant.integers.tensors import stream_of

CHAIN, LEDGER = 31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3"
LIMITS = Admission(min_updates=2, max_weight=1000, max_value=1 << 30, max_norm=1 << 40)
"""What a job allows an update: here, all that training makes."""


class JobFiles:
    """One job's files in a store. Members are numbered from 0; all that is drawn follows from `seed`."""

    def __init__(self, store: Store, job: int, model: nn.Module, seed: int) -> None:
        self.store, self.job, self.layout = store, job, layout_of(model)
        self._draw = np.random.default_rng(seed).bytes
        values = stream_of(model.state_dict(), self.layout).astype("<i4", copy=False)
        self._base_root = root_of(values.data.cast("B"))
        head = self.layout.header(Binding(kind="initial"))
        self.base = store.put([head, values.tobytes()], initial_pin(self._base_root))

    def open_round(self, round_: int, updates: Sequence[Update]) -> list[Cid]:
        """The updates of a round that masks nothing, by member."""
        files = []
        for member, update in enumerate(updates):
            head = self.layout.header(self._of_member("update", round_, member, update))
            data = head + update.values.astype("<i4", copy=False).tobytes()
            files.append((update_pin(self.job, round_, member), data))
        return self.store.put_all(files)

    def masked_round(self, round_: int, updates: Sequence[Update]) -> tuple[list[Cid], Cid]:
        """The masked updates of a round whose members all answer, by member, and the global model that they make.

        An update's weight is its number of rows.
        """
        keys, seeds = ([draw_secret(self._draw) for _ in updates] for _ in range(2))
        name = RoundName(CHAIN, LEDGER, self.job, round_)
        cast = Cast(name, {member: point_of(key) for member, key in enumerate(keys)})
        files = []
        for member, (update, key, seed) in enumerate(zip(updates, keys, seeds, strict=True)):
            binding, masks = self._of_member("masked", round_, member, update), masking(cast, member, key, seed)
            pieces = masked_file(self.layout, binding, update.values, len(update.leaves), masks)
            files.append((update_pin(self.job, round_, member), b"".join(pieces)))
        cids, weights = self.store.put_all(files), [len(update.leaves) for update in updates]
        masks = unmasking(cast, range(len(updates)), dict(enumerate(seeds)), {})
        inputs = MaskedInputs(self.layout, self.base, cids, weights, self.fetch, whole(masks, len(cids)), LIMITS)
        model = make_model(inputs, self._binding("model", round_), 1, lambda pieces: self._keep(round_, pieces))
        if model.why:
            raise FedledgerError(f"the round makes no model: {model.why}")
        return cids, Cid(self.base.codec, model.cid)

    def fetch(self, cid: Cid, start: int, stop: int | None) -> Iterator[Buffer]:
        """A file's bytes from the store, each block checked."""
        return read(self.store, cid, start, stop)

    def _keep(self, round_: int, pieces: Iterator[Buffer]) -> Cid:
        return self.store.put(pieces, model_pin(self.job, round_))

    def _binding(self, kind: Kind, round_: int) -> Binding:
        return Binding(kind=kind, chain=CHAIN, contract=LEDGER, job=self.job, round=round_, base=self._base_root)

    def _of_member(self, kind: Kind, round_: int, member: int, update: Update) -> Binding:
        known, party = self._binding(kind, round_), f"0x{member + 1:040x}"
        tree = Draw(sha256(f"job {self.job}".encode()), self._draw(32), 0).tree(round_, update.leaves)
        return msgspec.structs.replace(known, party=party).on(len(update.leaves), tree.root)
