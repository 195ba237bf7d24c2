"""Rows to evidence: everything that a page may state."""
