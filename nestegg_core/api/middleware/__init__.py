"""What every request passes before its resource."""
