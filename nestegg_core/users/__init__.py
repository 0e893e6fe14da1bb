"""Persons, organizations, memberships, permissions and sessions."""
