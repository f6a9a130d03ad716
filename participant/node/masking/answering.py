"""What a member shows of a round: which secrets and shares are asked of it, made once and written down.

Nothing here sends. A caller came to the round's set itself, and other chain nodes agree, before it asks for an answer.
"""

from collections.abc import Callable, Mapping

from ledger.errors import FedledgerError, Unavailable, UsageError
from ledger.history.state.masking import RoundMasks, bitmap_of
from ledger.masks.secret import Secret
from ledger.masks.setup import SecretKind, SetupFile
from ledger.rounds.facts import RoundFacts
from ledger.rounds.masking.answers import owed_in_shares, owed_in_unmask
from ledger.rounds.masking.convictions import MaskedJob
from ledger.rounds.masking.summed import asked_files
from ledger.rounds.steps import LAST_MOMENT, Wait
from participant.node.masking.answers import KeptAnswer, Kind
from participant.node.masking.home import MaskHome, packed
from participant.node.masking.judging import Judging
from participant.node.masking.steps import RoundKey

Files = Mapping[int, SetupFile]
Failed = Mapping[int, FedledgerError]


class Answering:
    """One member's answers. `failed` has, by dealer, why the latest answer leaves a share out."""

    def __init__(self, home: MaskHome, judging: Judging) -> None:
        self._home, self._judging = home, judging
        self._asked: dict[int, tuple[MaskedJob, int, int]] = {}
        self.failed: Failed = {}

    def owed(self, job: MaskedJob, member: int, now: int) -> frozenset[RoundKey]:
        """The present round, where shares of this member's are asked for now, and it gave none yet: a dealer whose
        packet yields none would be asked for again and again.
        """
        round_ = job.state.current
        said = job.masks.rounds.get(round_.number) if round_ is not None else None
        if round_ is None or said is None or not said.unmask_deadline < now <= said.share_deadline:
            return frozenset()
        if member in said.given:
            return frozenset()
        try:
            files = self._judging.cast_files(job.facts(round_.number), LAST_MOMENT)
        except FedledgerError:
            return frozenset()
        if isinstance(files, Wait) or not self._holds(files, member):
            return frozenset()
        wanted = asked_files(job.job, said, files)
        return frozenset({(job.state.number, round_.number)}) if owed_in_shares(said, wanted, member) else frozenset()

    def asked(self, job: MaskedJob, member: int, now: int) -> frozenset[RoundKey]:
        """The latest round with a set, where this member's sum is out of bounds: it is asked to open, and still may."""
        number = max(job.masks.rounds, default=0)
        round_ = job.state.rounds.get(number)
        if round_ is None or not round_.phase.terminal or round_.final is not None:
            return frozenset()
        known = self._asked.get(job.state.number)
        if known is None or known[0] is not job or known[1] != number:  # on a fork, the job is another
            try:
                void = job.void(number)
            except FedledgerError:  # files that are not here yet
                return frozenset()
            until = void.deadline if void is not None and member in void.asked else -1
            known = self._asked[job.state.number] = job, number, until
        return frozenset({(job.state.number, number)}) if now <= known[2] else frozenset()

    def unmask(self, facts: RoundFacts, said: RoundMasks, files: Files, member: int) -> KeptAnswer:
        """The own self seed, and shares of round keys of those of the cast outside of the set.

        Raises UsageError where the home lacks the seed, or answered for another set; as `Vault.read`.
        """

        def make() -> KeptAnswer:
            secrets = self._home.secrets_of(files[member], facts.round.number)
            shares = self._shares(facts, files, member, owed_in_unmask(said, asked_files(facts.job, said, files)))
            return KeptAnswer(secret=secrets.seed.reveal().hex(), shares=packed(shares).hex())

        return self._once(facts, said, "unmask", make)

    def give(self, facts: RoundFacts, said: RoundMasks, files: Files, member: int) -> KeptAnswer:
        """Shares of what is still missing. Raises as `unmask`, and UsageError where no packet yields one."""

        def make() -> KeptAnswer:
            wanted = owed_in_shares(said, asked_files(facts.job, said, files), member)
            shares = self._shares(facts, files, member, wanted)
            if not shares:
                raise UsageError(f"no share can be given for round {facts.round.number}: no packet yields one")
            return KeptAnswer(shares=packed(shares).hex())

        return self._once(facts, said, "shares", make)

    def open(self, facts: RoundFacts, said: RoundMasks, files: Files, member: int) -> KeptAnswer:
        """The own round key. Raises as `unmask`."""

        def make() -> KeptAnswer:
            return KeptAnswer(secret=self._home.secrets_of(files[member], facts.round.number).key.reveal().hex())

        return self._once(facts, said, "open", make)

    def _once(self, facts: RoundFacts, said: RoundMasks, kind: Kind, make: Callable[[], KeptAnswer]) -> KeptAnswer:
        if said.set is None:
            raise Unavailable(f"no set is fixed for round {facts.round.number}")
        self.failed, kept = {}, self._home.answers.find(facts.name, kind)
        return self._home.answers.keep(facts.name, kind, bitmap_of(said.set), kept or make())

    def _shares(
        self, facts: RoundFacts, files: Files, member: int, wanted: Mapping[int, SecretKind]
    ) -> dict[int, Secret]:
        if not self._holds(files, member):
            return {}
        shares, self.failed = self._home.held_shares(files, member, facts.round.number, wanted)
        return shares

    @staticmethod
    def _holds(files: Files, member: int) -> bool:
        """Whether shares were dealt to a member."""
        return any(member in setup.segment.keys for setup in files.values())
