"""The way of a signed message onto the ledger: intake, queue, delivery."""
