"""A made-up household, whose bank statements go through the importer that everybody has.

`life` (what happens on which day) -> `statements` (what the banks make of it) -> `household` (what
is imported). Everything but the last day follows from the calendar, so that filling a household
again imports just what has happened since.
"""

from nestegg_core.demo.household import EMAIL, PASSWORD, DemoHousehold, fill, refuse_production

__all__ = ["EMAIL", "PASSWORD", "DemoHousehold", "fill", "refuse_production"]
