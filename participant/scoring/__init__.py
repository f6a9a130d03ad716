"""A scorer's side: measuring, committing, revealing."""
