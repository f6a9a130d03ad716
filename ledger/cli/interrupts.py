"""How a command that runs for long is asked to end."""

import signal
import sys
from collections.abc import Callable
from functools import partial

AGAIN_SECONDS = 0.05


def heed() -> None:
    """SIGTERM ends the command as Ctrl-C does, by KeyboardInterrupt, and neither is lost.

    Python prints and forgets what is raised while it runs a finalizer or a hook, an interrupt as well: it comes again
    a moment later.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    sys.unraisablehook = partial(_again, sys.unraisablehook)


def _again(otherwise: Callable[["sys.UnraisableHookArgs"], object], ignored: "sys.UnraisableHookArgs") -> None:
    if issubclass(ignored.exc_type, KeyboardInterrupt):
        signal.setitimer(signal.ITIMER_REAL, AGAIN_SECONDS)
    else:
        otherwise(ignored)
