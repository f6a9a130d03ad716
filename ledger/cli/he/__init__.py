"""`fedledger he`: encrypted sums."""
