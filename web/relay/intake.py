"""What members submit to be relayed: named by its content, then checked before it may wait."""

from collections.abc import Callable

from ledger.errors import Malformed
from ledger.formats.digest import parse_address
from web.access.sessions import Session
from web.documents.refusals import WrongChain
from web.documents.relay import SIGNED, CloseVote, Execute, Posted, PostedBallot, PostedProposal
from web.documents.signatures import digest_of, parse_signature, require_signer
from web.relay.ballots import ballot_message, ballot_signed
from web.relay.endings import ending_message, ending_name
from web.relay.moment import Moment
from web.relay.proposals import proposal_message, proposal_signed
from web.relay.queue import Message


def identify(moment: Moment, posted: Posted) -> str:
    """The name of a message, the digest of its content: the same however often the message is submitted.

    1. It is for this chain and this contract: WrongChain. 2. Its signature has the one form that counts:
    SignatureNotCanonical. 3. The key that it names signed it, with what it is about, as wallets show that: WrongSigner;
    NotFound for a vote on a proposal that is not on the ledger.
    """
    if isinstance(posted, CloseVote | Execute):
        return ending_name(moment, posted)
    _require_place(moment, posted)
    parse_address(posted.member, "member")
    parts = ballot_signed(moment, posted) if isinstance(posted, PostedBallot) else proposal_signed(moment, posted)
    require_signer(parts, parse_signature(posted.signature), posted.member)
    return digest_of(parts).hex()


def message_of(moment: Moment, posted: Posted, name: str, session: Callable[[], Session]) -> Message:
    """A message that may wait, under the name by which `identify` knows it.

    `session` returns the session of the client, or raises why there is none: messages that nobody signed need one.
    """
    if isinstance(posted, PostedBallot):
        return ballot_message(moment, posted, name)
    if isinstance(posted, PostedProposal):
        return proposal_message(moment, posted, name)
    session()
    return ending_message(moment, posted, name)


def _require_place(moment: Moment, posted: PostedBallot | PostedProposal) -> None:
    for actual, expected in ((posted.chain, moment.chain), (posted.contract, moment.contract)):
        if actual is not None and actual != expected:
            advice = "submit it to a server of the consortium that it is for"
            raise WrongChain("signed for another ledger", advice=advice, expected=expected, actual=actual)
    if posted.fedledger is None and (posted.chain is not None or posted.contract is not None):
        raise Malformed("a file of signed messages must state its format", advice=f'"fedledger": "{SIGNED}"')
