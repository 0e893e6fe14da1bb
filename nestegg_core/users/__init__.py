"""Users, organizations, memberships, permissions and sessions."""
