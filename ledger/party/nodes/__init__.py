"""What a party believes of its chain nodes: their time, their log, and whether they agree."""
