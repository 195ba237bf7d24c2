"""The questions that people ask, each answered from the rows or by the command that measures it.

A module has a question, or two that rest on the same ratios; `asked` has their order on the page.
"""
