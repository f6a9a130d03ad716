"""Edges: sums of children's updates made, judged and added up; and whom a child's receipt convicts.

One copy of the rule: an edge makes its sum by the functions by which members, aggregators and auditors judge it.
"""
