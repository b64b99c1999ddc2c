"""What lies over a screen until it is answered. Mounted at the start and shown by ``visible``."""
