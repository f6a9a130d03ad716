"""The ledger's newest events, and what they name."""
