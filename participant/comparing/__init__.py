"""What joining is worth to each party, before anybody votes."""
