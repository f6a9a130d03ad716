"""What of a table may leave the house (docs/spec/shared-profile.md)."""
