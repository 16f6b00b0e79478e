"""What ``bench.py`` and ``compare.py`` are made of: the table of cases, the sides that run them, clocks and roofs."""
