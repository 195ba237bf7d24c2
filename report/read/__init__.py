"""Rows to evidence: what a page may speak of."""
