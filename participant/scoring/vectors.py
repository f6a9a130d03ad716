"""A scorer's vector of scores for a round, from working it out to the commitment: kept on the disk in between.

The salt follows from the key, and the scores are kept before they are committed to: a node killed between commit and
reveal shows the same vector when it is started again.
"""

from typing import TYPE_CHECKING

from ledger.formats.claims import scores_commitment
from ledger.history.state import Scoring
from ledger.jobs.scores import recomputable
from ledger.party.connection import Connection
from ledger.rounds.facts import RoundFacts
from participant.scoring.kept import Kept, KeptScores
from participant.scoring.measuring import Measuring
from participant.scoring.salt import salt_of

if TYPE_CHECKING:
    from ledger.keys import Signer


class Vectors:
    """The vectors that a signer commits to on one network's board."""

    def __init__(self, connection: Connection, signer: "Signer", measuring: Measuring) -> None:
        self._connection, self._signer, self._measuring = connection, signer, measuring
        self._kept = KeptScores(connection.folder / "scores")
        self._salt: tuple[tuple[int, int, bytes], bytes] | None = None

    def find(self, scoring: Scoring) -> tuple[int, ...] | None:
        """The vector kept from before; None where there is none."""
        chain, board = self._place
        return self._kept.find(chain, board, scoring.job, scoring.round, scoring.seed)

    def make(self, facts: RoundFacts, scoring: Scoring) -> tuple[int, ...]:
        """Work the vector out and keep it. Raises as `Measuring.scores` and `KeptScores.keep`."""
        scores = self._measuring.scores(facts, scoring.seed)
        chain, board = self._place
        self._kept.keep(
            Kept(
                fedledger="scores/1",
                chain=chain,
                board=board,
                job=scoring.job,
                round=scoring.round,
                seed=scoring.seed.hex(),
                scores=scores,
            ),
            again=recomputable(facts.job.scoring),
        )
        return scores

    def commitment(self, scoring: Scoring, scores: tuple[int, ...]) -> bytes:
        """What binds this signer to a vector without showing it."""
        place, salt = (*self._place, scoring.job, scoring.round), self.salt(scoring)
        return scores_commitment(*place, self._signer.address, salt, scores)

    def salt(self, scoring: Scoring) -> bytes:
        """The salt of the commitment; of the same scoring it is signed for once."""
        place = scoring.job, scoring.round, scoring.seed
        if self._salt is None or self._salt[0] != place:
            chain, board = self._place
            self._salt = place, salt_of(self._signer, chain, board, *place)
        return self._salt[1]

    @property
    def _place(self) -> tuple[int, str]:
        """Chain and board."""
        return self._connection.place.chain, self._connection.network.contracts.scores.address
