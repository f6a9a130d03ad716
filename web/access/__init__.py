"""Who may ask, how often and how: guard, sessions, sign-in, limits, metrics, errors as answers."""
