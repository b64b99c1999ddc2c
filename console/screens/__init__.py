"""The screens of the console: what is where."""
