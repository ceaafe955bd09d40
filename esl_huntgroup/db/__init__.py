"""
The database: one way to open it, its tables, and how they come to be.

``engine`` opens it and makes one sentence of what a driver raises, ``tables`` names the columns for queries,
``migrate`` brings it up to date by ``migrations`` (a link to the top-level ``db/migrations``), ``backup`` copies it.
"""
