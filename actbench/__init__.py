"""Measures what an activation function costs and how right it is.

The rooms are `bench` (the harness), `impls` (its subjects, a module per framework) and `report`
(rows to a page). In the source tree they are links to the folders beside this one; an installed
package holds the folders themselves.
"""

__version__ = "0.2.0"
