"""What a party believes of its chain nodes, their time, their log, whether they agree; and looking at them again."""
