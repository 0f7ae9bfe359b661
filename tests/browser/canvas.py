"""What a canvas of the page shows, as an array."""

import base64

import numpy as np

PAINTED = "[data-painted]:not([data-painted='0'])"


def pixels(canvas):
    """What is on a canvas, uint8 (H, W, 3)."""
    text, width, height = canvas.evaluate(
        """canvas => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let text = "";
          for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192));
          return [btoa(text), canvas.width, canvas.height];
        }"""
    )
    values = np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)
    assert (values[..., 3] == 255).all()
    return values[..., :3]


def repainted(page, act):
    """Do something that makes the viewer paint, and wait until it has."""
    painted = page.locator(PAINTED)
    before = painted.get_attribute("data-painted")
    act()
    painted.evaluate(
        """(element, before) => new Promise((done) => {
          const look = () => (element.dataset.painted !== before ? done() : requestAnimationFrame(look));
          look();
        })""",
        before,
    )
