"""Where the pages lie, relative to `app.py`, for links and switches between them."""

from __future__ import annotations

MODEL_PAGE = "pages/model.py"
CONVERT_PAGE = "pages/convert.py"
COMPARE_PAGE = "pages/compare.py"
SAMPLES_PAGE = "pages/samples.py"
LAYERS_PAGE = "pages/layers.py"
STORY_PAGE = "pages/story.py"
OPERATORS_PAGE = "pages/operators.py"
SIDE_BY_SIDE_PAGE = "pages/side_by_side.py"
EXECUTION_PAGE = "pages/execution.py"
MODEL_SIZE_PAGE = "pages/model_size.py"
FILE_FORMAT_PAGE = "pages/file_format.py"
LEARN_PAGE = "pages/learn.py"
EXPLORE_PAGE = "pages/explore.py"
FLAGS_PAGE = "pages/flags.py"
HISTORY_PAGE = "pages/history.py"
