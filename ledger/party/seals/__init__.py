"""What a home keeps of sealed updates: slips, erasures, read keys."""
