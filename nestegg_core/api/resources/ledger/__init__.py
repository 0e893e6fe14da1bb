"""What is below an organization's books."""
