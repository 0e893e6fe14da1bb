"""Sign-in, and what secures it."""
