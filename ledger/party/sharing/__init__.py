"""What members pass on to each other beside the ledger: openings, bytes, and what they sign of holding them."""
