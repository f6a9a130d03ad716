"""The keys agent: holds one member's key for a time, and signs with it for this user's commands.

It signs, and never sends the key. It signs for one chain alone. It forgets when its time is over, or when it is ended:
the key is in its memory only.
"""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ledger.errors import FedledgerError, Malformed, Unavailable, UsageError
from ledger.formats.sign_in import read_sign_in
from ledger.keys.signers import Signer
from ledger.keys.talk import SECONDS, check_peer, receive, send, socket_path

LONGEST = 12 * 3600
"""Seconds that an agent may hold a key."""
LOOK_SECONDS = 1.0
"""How often the agent looks at the clock: a machine that slept has used up its time, too."""
MOST_FEES = 10**18
"""What a transaction's gas may cost at most, in wei: 1 ether."""
_PR_SET_DUMPABLE = 4


class Agent:
    """Serves signatures of `signer`, for `chain_id` only, to processes of this user."""

    def __init__(self, signer: Signer, chain_id: int) -> None:
        self._signer = signer
        self._chain_id = chain_id

    def serve(self, keystore: Path, seconds: float, ready: Callable[[Path], object] = lambda _: None) -> None:
        """Answer until the time is over; `ready` is told the socket. Raises UsageError where one serves this key file
        already.
        """
        ends = _now() + min(seconds, LONGEST)
        with _listening(socket_path(keystore)) as listening:
            ready(socket_path(keystore))
            while (left := ends - _now()) > 0:
                listening.settimeout(min(LOOK_SECONDS, left))
                with suppress(OSError, FedledgerError):  # a caller that misbehaves gets nothing, and stops nothing
                    connection, _ = listening.accept()
                    with connection:
                        check_peer(connection)
                        request = receive(connection, min(SECONDS, ends - _now()))
                        if _now() < ends:
                            send(connection, self.answer(request))

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """What one request gets: who signs here, a signature, or why there is none."""
        try:
            return self._answer(request)
        except FedledgerError as error:
            return {"error": error.message, "advice": error.advice}
        except Exception as error:  # noqa: BLE001  (the edge: what encoders of Ethereum raise has no common kind)
            return {"error": f"this cannot be signed: {error!r}"[:300], "advice": ""}

    def _answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        match request:
            case {"ask": "address"}:
                return {"address": self._signer.address, "chain": self._chain_id}
            case {"ask": "transaction", "transaction": {"chainId": chain} as transaction}:
                self._allow(chain)
                _check_cost(transaction)
                return {"signed": self._signer.sign_transaction(transaction)}
            case {"ask": "typed data", "domain": {"chainId": chain} as domain, "types": types, "message": message}:
                self._allow(chain)
                return {"signed": self._signer.sign_typed_data(domain, types, message)}
            case {"ask": "sign-in", "text": str(text)}:
                self._allow(read_sign_in(text).chain)
                return {"signed": self._signer.sign_in(text)}
        raise Malformed("this is not something that a keys agent signs")

    def _allow(self, chain: object) -> None:
        if chain != self._chain_id or isinstance(chain, bool):
            raise UsageError("the keys agent signs for another chain", expected=self._chain_id, actual=chain)


def _check_cost(transaction: Mapping[str, Any]) -> None:
    """Raise UsageError for a payment, or fees that could be one: the sealer of the block is paid them."""
    if transaction.get("value") != 0:
        raise UsageError("the keys agent signs no payments", actual=str(transaction.get("value"))[:80])
    if "maxFeePerBlobGas" in transaction:
        raise UsageError("the keys agent signs no blobs")
    named = [transaction.get(name, 0) for name in ("gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas")]
    if not all(type(number) is int for number in named):
        raise Malformed("gas and its price are not integers")
    gas, *prices = named
    if gas * max(prices) > MOST_FEES:
        raise UsageError("the keys agent signs no fees as high", maximum=MOST_FEES, actual=str(gas * max(prices))[:80])


def _now() -> float:
    """Seconds that also pass while the machine sleeps, where the system can say so."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def guard_memory() -> None:
    """Keep this process's memory from core files, and from other processes of the user where the system can."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


@contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    """A socket of mode 0600 at `path`, removed at the end. One that a dead agent left behind is replaced."""
    with _alone(path), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        before = os.umask(0o177)
        try:
            path.unlink(missing_ok=True)
            listening.bind(str(path))
        except OSError as error:
            raise Unavailable(f"the keys agent cannot listen: {error}", socket=str(path)) from error
        finally:
            os.umask(before)
        listening.listen(8)
        try:
            yield listening
        finally:
            path.unlink(missing_ok=True)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the file beside the socket that one agent alone can hold: of two that start at once, one is refused.

    The system lets go of it with the process. The file stays: a lock on a file that was removed keeps nobody out.
    """
    try:
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Unavailable(f"the keys agent cannot listen: {error}", socket=str(path)) from error
    try:
        if not _taken(lock):
            raise UsageError(
                "a keys agent holds this key already",
                advice="commands find it by themselves; Ctrl-C in its terminal ends it",
                socket=str(path),
            )
        yield
    finally:
        os.close(lock)


def _taken(lock: int) -> bool:
    """Whether this process holds an open file's lock now."""
    import fcntl

    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
