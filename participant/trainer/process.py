"""A trainer: the process that runs a task's code, order after order.

It is told of orders by lines in a pipe, each a folder's name; when the pipe's other end closes, the node is gone or has
no more work, and the trainer ends at once. Under a launcher it carries out one order, as each of the launcher's
processes does; the first of them (RANK 0) answers.
"""

import faulthandler
import os
import queue
import signal
import sys
import threading
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import NoReturn

from participant.trainer.imports import kept_imports
from participant.trainer.keeper import keep
from participant.trainer.life import volunteer
from participant.trainer.places import place

PIPE = "orders"


def main(folder: Path, order: str = "") -> None:
    """Carry out the orders that come, or the one that is named."""
    _settle_in()
    orders: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(folder / PIPE, orders), name="orders", daemon=True).start()
    with nullcontext() if order else place(), suppress(ModuleNotFoundError), kept_imports():  # an order says so by name
        import participant.tasks.training  # noqa: F401  (it takes seconds, which the first order would wait for)
    from participant.trainer.labour import Labour

    labour = Labour()
    if order:  # one of a launcher's, which wait for each other
        sys.exit(labour.carry_out(folder / order))
    while True:
        coming = orders.get()
        with place():
            labour.carry_out(folder / coming)


def _settle_in() -> None:
    """End with the node and with all that was started here, die by signals as other programs do, be the first that a
    full memory costs, say where a crash happened.
    """
    keep()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    volunteer()
    faulthandler.enable(2, all_threads=False)


def _listen(pipe: Path, orders: "queue.SimpleQueue[str]") -> NoReturn:
    """Hand orders on until the other end of the pipe is closed; then end, whatever the task's code does."""
    with suppress(OSError):
        end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # opened at once, even if the node is gone
        os.set_blocking(end, True)
        with os.fdopen(end) as lines:
            for line in lines:
                orders.put(line.rstrip("\n"))
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:3])
