"""Comparisons with other harnesses, faults and hostile files, and tables for the documents."""
