"""`make faults`: breaks what the server stands on, under load, and counts what is lost."""
