"""What is shown of a round's updates beside the ledger's own words: their norms, and their shares of the model."""
