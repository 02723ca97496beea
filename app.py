"""The dashboard's entry: `streamlit run app.py`."""

from components.frame import run_app

run_app()
