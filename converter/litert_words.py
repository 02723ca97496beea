"""What messages say where LiteRT refuses a file, so that others can tell the step from it."""

CANNOT_PREPARE = "LiteRT cannot prepare the file"
CANNOT_RUN = "LiteRT cannot run the file"
