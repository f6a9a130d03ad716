"""The road to the chain: JSON-RPC, logs, transactions, and the contracts as they were compiled."""
