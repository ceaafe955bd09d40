"""
What administrators do to a configuration, as functions from one configuration to the next.

Each takes a configuration that holds what it touches, and returns another; it decides nothing that ``rules`` decides.
It refuses, with InputError, what has no meaning: to add what is there, or to change or remove what is not.
``people`` has users, lines and levels; ``groups`` groups, members and prepared lists; ``services`` the services.
"""
