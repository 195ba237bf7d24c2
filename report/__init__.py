"""Rows to one page: reads run folders, imports no framework and measures nothing."""
