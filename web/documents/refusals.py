"""Why the server refuses a sign-in or a message. Each has a name of its own; `web.access.problems` has its status.

UsageError
├── NotAuthentic      401  the client has not shown who it is
│   ├── NotSignedIn, SessionEnded
│   └── MessageChanged, WrongDomain, UnknownNonce, NonceUsed, SignInExpired, UnknownLink
├── NotAllowed        403  known, and not allowed
│   └── NotMember, NotInElectorate, WrongSigner, WrongOrigin, PlainHttp
├── Conflict          409  it conflicts with what is on the ledger, or in the queue
│   └── WrongChain, WrongState, WrongNonce, AlreadyVoted, AlreadyQueued, NotDecided, SignatureExpired,
│       DeadlineTooFar, RelayersAddress
└── Malformed         400
    └── SignatureNotCanonical
Unavailable           503
└── NoRelayer (RelayersKey), NoOrigin
"""

from ledger.errors import Malformed, Unavailable, UsageError


class NotAuthentic(UsageError):
    """The client has not shown who it is."""


class NotSignedIn(NotAuthentic):
    """There is no session."""


class SessionEnded(NotAuthentic):
    """There was a session, but its key no longer speaks for its member."""


class MessageChanged(NotAuthentic):
    """The message that was signed is not one that this server writes."""


class WrongDomain(MessageChanged):
    """It was written for another server, or this one by another name."""


class UnknownNonce(NotAuthentic):
    """The message was never issued here, or before the server was started."""


class NonceUsed(NotAuthentic):
    """The message has been used to sign in before."""


class SignInExpired(NotAuthentic):
    """The message was issued too long ago."""


class UnknownLink(NotAuthentic):
    """The link to sign in with was used, replaced or never made, or is too old."""


class NotAllowed(UsageError):
    """The client is known, but may not do that."""


class NotMember(NotAllowed):
    """The key does not speak for a member, or no longer."""


class NotInElectorate(NotAllowed):
    """The key came after the proposal."""


class WrongSigner(NotAllowed):
    """Another key signed, or this one something else."""


class PlainHttp(NotAllowed):
    """It needs https, or a server on the browser's own machine."""


class Conflict(UsageError):
    """It conflicts with what is on the ledger, or with what waits to be relayed."""


class WrongChain(Conflict):
    """Signed for another chain, or another contract."""


class WrongState(Conflict):
    """The proposal is in another state."""


class WrongNonce(Conflict):
    """The member's next proposal has another nonce."""


class AlreadyVoted(Conflict):
    """The member has voted on the proposal."""


class AlreadyQueued(Conflict):
    """Something else of the same member, or on the same proposal, waits to be relayed."""


class NotDecided(Conflict):
    """Too few members are for it yet."""


class SignatureExpired(Conflict):
    """The signature's own deadline has passed."""


class TooManyProposals(Conflict):
    """The member has as many proposals in Voting as are relayed for one."""


class RelayersAddress(Conflict):
    """A proposal to admit the relayer's key, which must not have any rights."""


class DeadlineTooFar(Conflict):
    """The signature could be used for too long."""


class SignatureNotCanonical(Malformed):
    """Another form of a signature than the one that the contract takes."""


class NoRelayer(Unavailable):
    """This server sends nothing to the chain."""


class RelayersKey(NoRelayer):
    """The relayer's key is or was a member's: it must not have any rights."""

    exit_code = UsageError.exit_code


class NoOrigin(Unavailable):
    """This server does not know the address by which people reach it."""
