"""The page that Inspect is compared with: what most people would write with Streamlit's own elements.

Three overlays as PNG by `st.image`, three bar charts by `st.plotly_chart`; the same strip to choose from, the same
cached results, and the same sizes on the page.
"""

import streamlit as st

from app import services
from app.components.strip import strip
from cbam_core.render.charts import channel_weights
from cbam_core.render.overlay import cells_on_input, overlay

st.set_page_config(layout="wide")
classifier = services.network(services.networks()[0])
index = strip(services.sample_png(), services.sample_tiles(), columns=10, chosen=30, key="sample")
explanation = services.show_sample(classifier, index).explanation
st.subheader(explanation.predicted)
for column, block in zip(st.columns(3), explanation.blocks, strict=True):
    picture = overlay(explanation.input_image, block.spatial_mask, cells_on_input(block.placement), opacity=0.5, zoom=8)
    column.image(picture, output_format="PNG")
    column.plotly_chart(channel_weights(block.channel_weights, title=block.name), key=block.name, height=120)
