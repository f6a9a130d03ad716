"""Files that others use, too: read without trust, locked, and shared by SQLite."""
