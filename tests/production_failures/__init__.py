"""One test for each production failure of other execution engines that could happen here.

Each module names, in a table, the failures that tests elsewhere hold already.
"""
