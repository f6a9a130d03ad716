"""What is shown of a round's updates beside the ledger's own words: norms, platform documents, shares of the model."""
