"""A server with plugins that do what they should not."""
