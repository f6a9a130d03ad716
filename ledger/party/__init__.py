"""One party's side: its connection, the watch over the ledger, its gateway, votes and audits."""
