"""The addresses, and what each needs."""
