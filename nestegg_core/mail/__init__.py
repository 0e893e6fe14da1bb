"""Mail to users: what it says, the queue, and SMTP."""
