"""What a party keeps of edges' sums besides the sums themselves."""
