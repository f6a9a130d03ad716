"""A consortium of several parties on this machine, with tables of one's own: `fedledger sandbox`."""
