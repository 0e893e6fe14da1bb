"""What an operator does beside serving: backups that are proved, and finding what is wrong."""
