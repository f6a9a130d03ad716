"""What a member does of its own accord: another key, and its data withdrawn."""
