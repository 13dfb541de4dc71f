"""The ARM template language: pure, values in, values out."""
