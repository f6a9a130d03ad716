"""One round: admission, aggregation, outcome, and where a model comes from."""
