"""Drawings of analyses."""
