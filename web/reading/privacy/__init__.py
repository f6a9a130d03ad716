"""How updates are protected: masks, and noise with its budgets."""
