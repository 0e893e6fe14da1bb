"""Endpoints, one file for each resource: parse, call, answer, decide nothing."""
