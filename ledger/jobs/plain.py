"""What a job says of the sections of which it asks for nothing."""

from typing import Any

from ledger.jobs.private import NONE
from ledger.jobs.schedule import ROUNDS

PLAIN: dict[str, Any] = {"private": NONE, "schedule": ROUNDS}
"""No tensor stays at home, and rounds wait for everyone."""
