"""The Streamlit front end of CBAM Lens: the only place that imports streamlit; it never imports torch."""
