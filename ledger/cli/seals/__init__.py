"""`fedledger seal`: who can read sealed updates."""
