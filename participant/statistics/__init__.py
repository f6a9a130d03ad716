"""What a home has told of its rows by statistics, so that no two answers show what neither may."""
