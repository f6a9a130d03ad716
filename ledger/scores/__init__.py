"""Contribution scores, pure: what a model is worth, what coalitions would have made of it, whose doing the rest is."""
