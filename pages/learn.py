"""Learn: a lesson in six steps on a real model; predict first, then see."""

import streamlit as st

from components.frame import ensure_frame
from components.glossary_list import render_glossary
from components.lesson.navigation import TITLES, pick_step, run_in_view
from components.lesson.run_steps import choose_step, slower_step
from components.lesson.tensor_steps import (
    accumulation_step,
    calibration_step,
    outlier_step,
    scale_step,
)

ensure_frame()

st.title("Learn", anchor=False)
st.markdown("What quantization does to a real model: a network that reads digits, its real weights "
            "and its real predictions. About 45 minutes with all questions.")
step = pick_step()
st.header(f"{step}. {TITLES[step - 1]}", anchor=False)
if step == 1:
    scale_step()
elif step == 2:
    calibration_step()
elif step == 3:
    outlier_step()
elif step == 4:
    accumulation_step()
elif step == 5:
    slower_step(run_in_view())
else:
    choose_step(run_in_view())
render_glossary()
