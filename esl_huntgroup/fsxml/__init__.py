"""
FreeSWITCH's XML: elements that know their place, the files they come from, and what a dialplan does with a number.

Begin with ``elements``; ``contract`` has the names on which the shipped dialplan and this service have agreed.
"""
