"""
The configuration: users, lines, groups, members and rights, and every way in which an administrator changes them.

A file, an import or a command becomes values that ``schemas`` have checked; ``rules`` say what may be, ``diff`` what
differs from the database, ``store`` writes it, ``audit`` keeps who changed what.
"""
