"""Events folded into state: members, jobs and rounds, scores, decisions."""
