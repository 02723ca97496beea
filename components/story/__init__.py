"""A finished run told to people who decide: one sentence, three figures, one picture."""
