"""Taking microdl to a machine that reaches no package index."""
