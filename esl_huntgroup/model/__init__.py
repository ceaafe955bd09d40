"""
Values and rules that everybody may use: groups, numbers, outcomes, hangup causes, rights, limits, text.

All of it is PURE. Begin with ``group`` (what a call knows of a group) and ``outcome`` (how a call can end).
"""
