"""The seams of Nest Egg: Protocols and value types, one file for each kind of plugin.

Nothing here imports more than the standard library at run time, so that a plugin pays for
nothing that it does not use. Plugin authors import these names from `nestegg_core`.
"""
