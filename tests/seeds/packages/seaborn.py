"""Imported by a document for the looks of its plots alone."""
