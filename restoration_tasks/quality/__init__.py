"""Metrics and the expectation suites of the check step."""
