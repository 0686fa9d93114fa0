"""Parts of pages: each draws one thing it is given."""
