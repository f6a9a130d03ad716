"""`fedledger doctor`: what would keep a home from taking part, before a round's clock runs; each with what to do."""
