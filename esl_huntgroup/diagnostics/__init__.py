"""Answers for administrators: is all set up right (``check``), would this phone ring, why did it not (``explain``)."""
