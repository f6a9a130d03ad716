"""Bundles: all that an auditor needs of a consortium, in one file that needs no trust (docs/spec/bundle.md)."""
