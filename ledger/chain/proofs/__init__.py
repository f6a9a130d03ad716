"""Storage and logs of the contracts, proved against a block's hash."""
