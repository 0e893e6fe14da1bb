"""The version of the contract between the core and its plugins."""

CONTRACT_VERSION = "1.0"
"""Major and minor number of what `nestegg_core` offers to plugins.

The minor one grows with every addition: plugins written before go on as they are. The major one
grows with a change that an existing plugin would notice; the core refuses plugins that were built
for another, and names both.

Example:
    >>> CONTRACT_VERSION.split(".")[0]
    '1'
"""
