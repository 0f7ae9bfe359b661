"""Inspect and the page that it is compared with, on one server: `?page=reference` is the latter."""

import runpy
from pathlib import Path

import streamlit as st

HERE = Path(__file__).resolve().parent

if st.query_params.get("page") == "reference":
    runpy.run_path(str(HERE / "reference_page.py"))
else:
    runpy.run_path(str(HERE.parent.parent / "app" / "main.py"))
