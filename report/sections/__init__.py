"""The folded sections of the page.

A module NAME has `ORDER`, `TITLE`, `SUMMARY(evidence)` (one line that says what is in it) and
`content(evidence)`: what `NAME.html.j2` beside it shows, None where the page has no such section.
NAME is its anchor.
"""
