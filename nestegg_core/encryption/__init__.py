"""Encryption at rest: envelope, keyring, the Fernet backend and the blind index."""
