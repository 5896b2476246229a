"""Comparisons of exchanges."""
