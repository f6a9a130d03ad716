"""Adapters: a large model stays as it is and off the ledger, named by its digest; a job trains what is added to it."""
