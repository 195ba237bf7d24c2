"""The sections of the page.

A module NAME has `ORDER`, `TITLE`, `LINK` (its name in the contents) and `content(evidence)`: what
`NAME.html.j2` beside it shows, None where the page has no such section. NAME is its anchor.
"""
