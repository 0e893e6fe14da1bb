"""What an operator does beside serving: backups that are verified, and finding what is wrong."""
