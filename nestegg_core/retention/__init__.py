"""Retention: which rows have had their time, and how they go without moving a balance."""
