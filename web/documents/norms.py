"""The documents of how long updates are, and what part of a model each is."""

from web.documents.common import Document, PartyDocument


class UpdateNorm(Document, frozen=True):
    """An update's Euclidean norm in the ledger's integers, cut after three places, and its exact square, `squares`."""

    index: int
    norm: str
    squares: str


class RoundNorms(Document, frozen=True):
    """The norms of a round's updates, by member index: of those whose bytes are the registered ones.

    An audit computed them: this server's where `auditor` is null; else that of the auditor, by its key, whose signed
    report this server was handed, and `party` is the member that the key is or was of.
    """

    round: int
    auditor: str | None
    party: PartyDocument | None
    parts: tuple[UpdateNorm, ...]


class WeightPart(Document, frozen=True):
    """An admitted update: the weight that its party registered, and its share of the model, in parts per million."""

    index: int
    weight: int
    share: int


class RoundWeights(Document, frozen=True):
    """The admitted updates of a finalised round, by member index."""

    round: int
    parts: tuple[WeightPart, ...]
