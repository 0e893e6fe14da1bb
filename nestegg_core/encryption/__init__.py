"""Encryption at rest: cipher, keyring, the Fernet backend and the blind index."""
