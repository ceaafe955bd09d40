"""Hunt groups for FreeSWITCH: ring every registered softphone of a group, and remember who answered."""

__version__ = "0.2.0.dev0"
