"""Looks for everything that can be wrong with an installation: one file for each group of checks.

A check is a function that yields `nestegg_core.Diagnosis`; `run.examine` runs them all at once.
"""
