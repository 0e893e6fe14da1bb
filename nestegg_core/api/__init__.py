"""The REST API: Falcon resources that parse, call a domain service and answer."""
