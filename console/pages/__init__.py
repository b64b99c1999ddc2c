"""Pages: screens that take the place of the panels between header and footer, there from the start."""
