"""The audit: everything a consortium claims, computed again from the ledger and the content store alone.

Numbered checks (docs/spec/audit.md; `report.Check` names them), from which three answers follow. Pure: what the chain
said and how bytes are fetched is handed in. Blame follows evidence: only what a party signed convicts it, shown with
its signature; what could not be checked makes the answer `unknown`.
"""

from ledger.audit.copies import damaged_copies
from ledger.audit.observed import Observed
from ledger.audit.question import Question, Scope, scope_of
from ledger.audit.run import Audit

__all__ = ["Audit", "Observed", "Question", "Scope", "damaged_copies", "scope_of"]
