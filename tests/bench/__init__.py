"""Benchmarks: ``python -m tests.bench`` (``tox -e bench``). They measure ratios in one run and assert nothing in CI."""
