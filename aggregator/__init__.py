"""Collects, aggregates and publishes; decides nothing that an auditor cannot recompute."""
