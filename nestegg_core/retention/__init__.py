"""Retention: which rows have had their time."""
