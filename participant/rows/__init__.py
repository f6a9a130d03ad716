"""A home's side of what its updates were trained on: salts, and the leaves that were committed to."""
