"""Recordings as tables for other programs: holds or steps, as Parquet, CSV or JSON Lines."""
