"""Why the server takes no sign-in and no message. Every one has a name of its own; `problems` gives it a status.

UsageError
├── NotAuthentic      401  who asks has not shown who it is
│   ├── NotSignedIn, SessionEnded
│   └── MessageChanged, WrongDomain, UnknownNonce, NonceUsed, SignInExpired
├── NotAllowed        403  known, and not allowed
│   └── NotMember, NotInElectorate, WrongSigner, WrongOrigin
├── Conflict          409  it does not fit what is on the ledger, or in the queue
│   └── WrongChain, WrongState, WrongNumber, AlreadyVoted, AlreadyQueued, NotDecided, SignatureExpired,
│       DeadlineTooFar, RelayersAddress
└── Malformed         400
    └── SignatureNotCanonical
Unavailable           503
└── NoRelayer (RelayersKey), NoOrigin
"""

from ledger.errors import Malformed, Unavailable, UsageError


class NotAuthentic(UsageError):
    """Who asks has not shown who it is."""


class NotSignedIn(NotAuthentic):
    """There is no session."""


class SessionEnded(NotAuthentic):
    """There was a session, and its key speaks for its member no more."""


class MessageChanged(NotAuthentic):
    """The message that was signed is not one that this server writes."""


class WrongDomain(MessageChanged):
    """It was written for another server, or this one by another name."""


class UnknownNonce(NotAuthentic):
    """The message was never given out here, or before the server was started."""


class NonceUsed(NotAuthentic):
    """Somebody has signed in with the message."""


class SignInExpired(NotAuthentic):
    """The message was given out too long ago."""


class NotAllowed(UsageError):
    """Who asks is known, and may not do that."""


class NotMember(NotAllowed):
    """The key speaks for no member, or no more."""


class NotInElectorate(NotAllowed):
    """The key came after the proposal."""


class WrongSigner(NotAllowed):
    """Another key signed, or this one something else."""


class Conflict(UsageError):
    """It does not fit what is on the ledger, or what waits to be relayed."""


class WrongChain(Conflict):
    """Signed for another chain, or another contract."""


class WrongState(Conflict):
    """The proposal is in another state."""


class WrongNumber(Conflict):
    """The next proposal has another number."""


class AlreadyVoted(Conflict):
    """The member has voted on the proposal."""


class AlreadyQueued(Conflict):
    """Something else of the same member, or with the same number, waits to be relayed."""


class NotDecided(Conflict):
    """The outcome of the vote can still change."""


class SignatureExpired(Conflict):
    """The signature's own deadline has passed."""


class TooManyProposals(Conflict):
    """The member has as many proposals in Voting as are relayed for one."""


class RelayersAddress(Conflict):
    """A proposal to admit the relayer's key, which shall have no right."""


class DeadlineTooFar(Conflict):
    """The signature could be used for too long."""


class SignatureNotCanonical(Malformed):
    """Another form of a signature than the one that the contract takes."""


class NoRelayer(Unavailable):
    """This server sends nothing to the chain."""


class RelayersKey(NoRelayer):
    """The relayer's key is a member's, or was: it shall have no right."""

    exit_code = UsageError.exit_code


class NoOrigin(Unavailable):
    """This server has not been told by which address people reach it."""
