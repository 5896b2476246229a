"""Certificates for HTTPS on this machine: making them, keeping them, and having them trusted."""
