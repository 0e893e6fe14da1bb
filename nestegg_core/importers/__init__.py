"""Statements: which importer reads a file."""
