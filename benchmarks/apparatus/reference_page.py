"""The page that Inspect is compared with: what most people would write with Streamlit's own elements.

Three overlays as PNG by `st.image`, three bar charts by `st.plotly_chart`; the same strip to choose from, the same
cached results, and the sizes that the address names. The PNGs are written as lightly compressed as the app's own.
"""

import streamlit as st

from app import services
from app.widgets.strip import PageChoice, strip
from cbam_core.render.charts import channel_weights
from cbam_core.render.overlay import cells_on_input, overlay
from cbam_core.viewer.payload import png

SIZES = {"side": 256, "width": 366, "height": 118}  # of an overlay and of a chart with its title, CSS pixels
MARGINS = {"l": 22, "r": 0, "t": 28, "b": 16}  # room for title and numbers; what is left is as high as Inspect's bars

st.set_page_config(layout="wide")
classifier = services.network(services.networks()[0])
side, width, height = (int(st.query_params.get(name, size)) for name, size in SIZES.items())
index = strip(services.sample_png(), services.sample_tiles(), columns=10, chosen=PageChoice(31), key="sample")
explanation = services.show_sample(classifier, index).explanation
st.subheader(explanation.predicted)
for column, block in zip(st.columns(3), explanation.blocks, strict=True):
    zoom = side // len(explanation.input_image)
    picture = overlay(explanation.input_image, block.spatial_mask, cells_on_input(block.placement), zoom=zoom)
    column.image(png(picture), output_format="PNG")
    chart = channel_weights(block.channel_weights, title=block.name)
    chart["data"][0]["name"] = str(index)  # shown nowhere; tells which picture is drawn, even where weights are equal
    chart["layout"] |= {"margin": MARGINS}
    del chart["layout"]["xaxis"]["title"]
    column.plotly_chart(chart, key=block.name, width=width, height=height)
