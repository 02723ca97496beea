"""A comparison as tidy tables, for spreadsheets (CSV) and programs (Parquet)."""
