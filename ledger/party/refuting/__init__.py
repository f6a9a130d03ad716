"""One party against all others: a wrong aggregate is found, proved, and brought before the court."""
