"""The border between floats and the ledger's integers."""
