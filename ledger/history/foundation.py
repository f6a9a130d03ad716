"""What a history begins with: where the ledger was founded, and by which members. The network file pins both."""

from collections.abc import Sequence
from typing import NamedTuple

from ledger.config import FoundingMember, Network
from ledger.events.event import Event
from ledger.events.members import MemberAdmitted, Role
from ledger.formats.head import FoundingRecord
from ledger.formats.member_name import name_words, plain_name
from ledger.history.impossible import Impossible
from ledger.history.state import ScoreBoard

FIRST_EPOCH = 1


class Foundation(NamedTuple):
    """The founding's place on its chain, and the founding members by index."""

    record: FoundingRecord
    members: tuple[FoundingMember, ...]

    def name(self, index: int) -> str:
        """What a member is called before the history was read."""
        return self.members[index].name if 0 <= index < len(self.members) else plain_name(index)

    @property
    def board(self) -> ScoreBoard:
        """Where scores are committed to."""
        return ScoreBoard(self.record.chain, self.record.scores)


def foundation_of(network: Network) -> Foundation:
    """What the network file says of the founding."""
    founding, contracts = network.founding, network.contracts
    record = FoundingRecord(
        network.chain.id,
        founding.block,
        bytes.fromhex(founding.hash[2:]),
        contracts.consortium.address,
        contracts.ledger.address,
        contracts.scores.address,
        contracts.releases.address,
        contracts.ballots.address,
        contracts.masks.address,
        contracts.budgets.address,
        contracts.court.address,
    )
    return Foundation(record, founding.members)


def require_founder(event: Event, place: int, founders: Sequence[FoundingMember]) -> None:
    """Let event number `place` pass, from 0: the first events admit the founders, no others. Raises Impossible."""
    admitted = isinstance(event, MemberAdmitted) and event.epoch == FIRST_EPOCH
    if place >= len(founders):
        if admitted:
            raise Impossible("a member beside those that the network file names founded the consortium")
        return
    founder = founders[place]
    expected = (place, founder.key, Role.named(founder.roles), name_words(founder.name))
    found = (event.index, event.key, event.roles, event.name) if isinstance(event, MemberAdmitted) else None
    if not admitted or found != expected:
        raise Impossible(f"the consortium was not founded by member {place} of the network file")
