"""The audit of masked jobs (check MASKS): set-ups and casts, sets, answers, openings, each by who signed it."""
