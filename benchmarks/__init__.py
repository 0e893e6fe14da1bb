"""Measurements, each beside a bare version of the same work in the same run (`make bench`)."""
