"""`fedledger release`: models under a name."""
