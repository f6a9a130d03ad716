"""What waits for a member, and how its node does, by the last reading."""
