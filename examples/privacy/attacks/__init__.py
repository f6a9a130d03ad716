"""What an update tells about the rows behind it: attacks on the files of a ledger, each beside its control."""
