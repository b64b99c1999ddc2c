"""The panels of the main screen: each turns a scene into lines, and paints only those that changed."""
