"""Telling others: news of the ledger, posted to an address that the operator names."""
