"""What ``bench.py`` and ``compare.py`` are made of: the table of cases, the sides that run them, clocks and roofs.

Workers, turns and clocks serve ``peers.py`` too.
"""
