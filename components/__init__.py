"""Streamlit widgets and figures of the dashboard; the domain lies in `converter`."""
