"""
What open pages are told: group calls as they ring, are answered, end and are handled.

One greenlet (``feed``) asks the database four times a second for all of them. What it finds is read by ``reading``;
``audience`` decides who sees which call, ``positions`` how far somebody has come, ``sse`` writes it. Each open page has
a ``stream``, a queue of bounded length that its own greenlet sends. ``routes`` has the two addresses. Begin to read in
``feed``.
"""
