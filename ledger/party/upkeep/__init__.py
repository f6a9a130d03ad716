"""Copies over time: which of them a member keeps, lets go, gets again, and finds at others."""
