"""Commands of the court: what one member does alone against a wrong aggregate."""
