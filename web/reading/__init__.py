"""From the ledger's state to documents: the threads that read, and the pure functions that look up."""
