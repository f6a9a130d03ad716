"""How a member withdraws its data from a job: at home first, then in its store, then on the ledger.

Each step stands before the next begins, so the same command goes on after a kill at any instruction.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ledger.errors import Malformed, Unavailable, UsageError
from ledger.formats.cid import RAW, Cid
from ledger.history.state import JobState, Member, WithdrawnData
from ledger.history.withdrawal import FORMAT, SignedPlace, Withdrawal, digest_of, parse
from ledger.party.connection import Connection
from ledger.party.pins import withdrawal_pin
from ledger.store import disk

if TYPE_CHECKING:
    from ledger.keys import Signer


@dataclass(frozen=True, slots=True)
class Withdrawing:
    """Of the member with this key, from job `number`; `path` is the statement's at home.

    Anything at `path` holds the home's node back; it is empty while nothing is signed.
    """

    connection: Connection
    signer: "Signer"
    number: int
    path: Path

    def require_possible(self) -> None:
        """Raises UsageError where this key speaks for no member, there is no such job, or it withdrew before."""
        state, member = self._now()
        said = state.withdrawn.get(member.index)
        if said is not None:
            raise UsageError(
                "this member withdrew its data already",
                advice="the job's other data are its other members'; coming back is a new job",
                job=self.number,
                block=said.block,
                statement=str(self.path) if self.path.exists() else said.statement.hex(),
            )

    def keep(self, reason: str) -> Withdrawal:
        """The signed statement, at home and in the store: the one that is there, if it says the same.

        What an earlier process sent is finished first: the statement of that stays, for another reason as well. Raises
        as `require_possible`, and Unavailable where no block comes in time.
        """
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        self.path.touch(
            mode=0o600
        )  # from now on this home's node commits to nothing, and the newest round is known after
        self.connection.sender(self.signer)
        self.connection.refresh()
        state, member = self._now()
        kept, said = self._kept(state, member, reason), state.withdrawn.get(member.index)
        if said is not None and (kept is None or digest_of(kept) != said.statement):
            self.require_possible()
        signed = kept or self._signed(state, member, reason)
        content = signed.encode()
        parse(content)
        disk.write_whole(self.path, [content])
        self.connection.put([content], withdrawal_pin(self.number, member.index), expected=Cid(RAW, digest_of(signed)))
        return signed

    def put_on_record(self, signed: Withdrawal) -> WithdrawnData:
        """What the ledger has then. What an earlier process sent is finished first, and not sent again.

        Raises Unavailable where the chain node does not show it.
        """
        sender = self.connection.sender(self.signer)
        self.connection.refresh()
        state, member = self._now()
        if member.index not in state.withdrawn:
            sender.send("budgets", "withdrawData", self.number, state.digest, digest_of(signed))
            self.connection.refresh()
            state, member = self._now()
        said = state.withdrawn.get(member.index)
        if said is None:
            raise Unavailable(
                "the chain node took the withdrawal, and its log does not have it",
                advice="the same command goes on; if it stays so, name another chain node in node.toml",
                job=self.number,
                statement=str(self.path),
            )
        return said

    def _now(self) -> tuple[JobState, Member]:
        history, state = self.connection.history, self.connection.job(self.number)
        member = history.member_of(self.signer.address)
        if member is None or member.key != self.signer.address:
            raise UsageError("this key speaks for no member", key=self.signer.address)
        return state, member

    def _kept(self, state: JobState, member: Member, reason: str) -> Withdrawal | None:
        """What an earlier process signed, of this job, and for this reason."""
        try:
            found = parse(self.path.read_bytes())
            of_key = found.signed_by == found.key and found.key == member.key
        except Malformed:
            return None
        place = self.connection.place
        same = (found.chain, found.ledger, found.digest) == (place.chain, place.contract, state.digest.hex())
        return found if same and of_key and (found.member, found.reason) == (member.index, reason) else None

    def _signed(self, state: JobState, member: Member, reason: str) -> Withdrawal:
        block, place = self.connection.deep(), self.connection.place
        said = Withdrawal(
            fedledger=FORMAT,
            chain=place.chain,
            ledger=place.contract,
            job=self.number,
            digest=state.digest.hex(),
            member=member.index,
            key=self.signer.address,
            last_round=max(state.rounds, default=0),
            block=SignedPlace(number=max(block.number, 0), hash=block.hash.hex() or 64 * "0"),
            reason=reason,
        )
        return replace(said, signature="0x" + self.signer.sign_typed_data(*said.to_sign()).hex())
