"""Ten partners who share a trunk, and keep to themselves which questions they ask of it."""
