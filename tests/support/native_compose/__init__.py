"""Runs the services of a compose file as processes on this machine, where no container engine is.

A program `docker` for a test's PATH understands the `docker compose` commands that the guide for
operators shows. What compose would do is done from the file itself: environment, command, secrets
as files, volumes as folders, health checks, the order of the start. Ports and the names of other
services are mapped to free ports on loopback, so that nothing else on the machine is in the way.
"""
