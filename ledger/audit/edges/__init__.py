"""The audit of edges (check EDGES): sums against the updates that they are of, and receipts against lists."""
