"""
The configuration: users, lines, groups, members and rights, and the one way in which it is changed.

Whoever changes it, a command (``admin``), a file (``load``) or an import: a pure edit makes one configuration of
another (``edits``, or a document in ``load_plan``); ``rules`` say what cannot be, ``differences`` what has changed;
``write`` stores that and ``audit`` keeps it, all in one transaction (``transaction``). ``model`` has the values and
declares the attributes of a group; begin to read there, and then in ``transaction``.
"""
