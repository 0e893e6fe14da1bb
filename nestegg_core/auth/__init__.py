"""Who sends this token: the chain of providers, the built-in one, and the OIDC verifier."""
