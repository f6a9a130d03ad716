"""The court's twin: what AggregateCourt decides of a refutation, in Python; the search for one; and its file."""
