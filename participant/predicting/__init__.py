"""Predictions by a released model: found and checked, its inputs prepared, its outputs read; exact, and without torch
where a model is a row of plain layers.
"""
