"""The tables that the page's script draws."""
