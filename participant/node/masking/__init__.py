"""A member's side of masked jobs: secrets at home, steps of segments and rounds, and how they are carried out."""
