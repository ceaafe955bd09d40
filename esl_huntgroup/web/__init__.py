"""
The members' page and its API: a process of its own, which needs the database and nothing else.

``server`` is that process, ``app`` what it serves. ``identity`` says who asks, ``access`` what that person may see,
``reading`` fetches it, ``pages`` shows it to people and ``api`` to programs; ``live`` tells open pages what has
changed. Begin to read in ``app``.
"""
