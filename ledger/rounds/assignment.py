"""Which members keep which update of a round: one rule, that every party computes alike from the ledger and the network
file (docs/spec/content.md, "Copies").

Copies are dealt like cards: the members sit in a ring by index, the updates come in the order of their authors, and
each takes the next seats. So each update is kept by as many different members as are wanted, and no member keeps more
than one more than another. The first seat moves by one from round to round. An author keeps its own update besides.
"""

from collections.abc import Sequence

from ledger.formats.replication import Replication
from ledger.history.state import Round
from ledger.rounds.receipts import signers_needed


def copies_wanted(members: int, asked: Replication) -> int:
    """How many of so many members keep an update: never fewer than must sign for it, since who signs keeps."""
    if members <= asked.all_up_to:
        return members
    return min(members, max(asked.copies, signers_needed(members)))


def copies_owed(members: int, asked: Replication) -> int:
    """How many copies an audit expects: where everyone is to keep everything, as many as signed for it at least, since
    one that was away for a round may lack it.
    """
    return signers_needed(members) if members <= asked.all_up_to else copies_wanted(members, asked)


def ranked(number: int, place: int, members: Sequence[int], copies: int) -> list[int]:
    """All members, in the order in which they are to keep the update that is at `place`, from 0, in round `number`: the
    first `copies` do, the others stand in for them.
    """
    start = (number + place * copies) % len(members)
    return [*members[start:], *members[:start]]


def assigned(round_: Round, author: int, asked: Replication) -> frozenset[int]:
    """The members that keep an update that was committed to, its author among them: what the round's opening and its
    commitments fix, before anything is opened.
    """
    members, copies = _ring(round_, asked)
    place = sorted(round_.commitments).index(author)
    return frozenset(ranked(round_.number, place, members, copies)[:copies]) | {author}


def kept_by(member: int, round_: Round, asked: Replication) -> frozenset[int]:
    """The authors whose updates a member keeps in a round: `assigned`, asked the other way round."""
    members, copies = _ring(round_, asked)
    own = round_.commitments.keys() & {member}
    if member not in members:
        return frozenset(own)
    seat = members.index(member) - round_.number
    dealt = (author for place, author in enumerate(sorted(round_.commitments)) if _near(seat, place, members, copies))
    return frozenset(dealt) | own


def _near(seat: int, place: int, members: Sequence[int], copies: int) -> bool:
    return (seat - place * copies) % len(members) < copies


def _ring(round_: Round, asked: Replication) -> tuple[list[int], int]:
    """The seats, and how many of them each update takes."""
    members = sorted(round_.keys)
    return members, min(copies_wanted(round_.members, asked), len(members))
