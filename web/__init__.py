"""What anyone may see of a consortium, over HTTP: pages for people and the same as JSON, made from the ledger.

The process that serves them holds no member's key and decides nothing. Chain and store are read in the background;
a response is made from the last reading alone, so a page never waits for either (docs/spec/web.md).
"""
