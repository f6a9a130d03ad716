"""A client of an edge: it verifies what it is told, trains, signs, and keeps the edge's receipt."""
