"""Who may send requests, how often and how: guard, sessions, sign-in, limits, metrics, errors as documents."""
