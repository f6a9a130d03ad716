"""How a signed message gets onto the ledger: intake, queue, delivery."""
