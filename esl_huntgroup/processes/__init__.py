"""
How the service starts, tells, hears and ends a process of its own: a worker, or one that is kept beside the workers.

``parent`` is the side of who starts it, ``child`` that of the process itself, ``messages`` what goes between them.
"""
