"""The audit: everything a consortium claims, computed again from the ledger and the content store alone.

Numbered checks (docs/spec/audit.md; `report.Check` names them). Pure: what the chain said and how bytes are
fetched is handed in. Blame follows evidence: only what a party signed or put on the ledger convicts it; what could not
be checked makes the verdict UNKNOWN.
"""

from ledger.audit.copies import damaged_copies
from ledger.audit.run import Audit, Observed, scope_of

__all__ = ["Audit", "Observed", "damaged_copies", "scope_of"]
