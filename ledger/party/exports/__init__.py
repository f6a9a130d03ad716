"""A release handed to strangers: its exports written, the key that signs them, and all of it checked again."""
