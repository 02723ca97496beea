"""The live bench: precision by layer, judged within moments by a warm child of the web process."""
