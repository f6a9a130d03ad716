"""Signed transactions, read strictly: who said what. Pure but for `fetch`, and without web3."""
