"""Statistics of many tables: exact sums from an audited model of integers, and figures from sums."""
