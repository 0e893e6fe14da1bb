"""Accounts, transactions, categories, imports and reports: the rules of money."""
