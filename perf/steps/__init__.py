"""What ``peers.py`` is made of: networks, how each framework builds and steps them, what is printed and drawn."""
