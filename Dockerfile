# docker build -t cbam-lens . && docker run --rm -p 127.0.0.1:8501:8501 cbam-lens
FROM python:3.11-slim

# An empty value takes PyTorch from the usual index, with its GPU libraries.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore

WORKDIR /opt/cbam-lens

# The large layer first: it changes only when the pins do.
COPY requirements.txt ./
RUN if [ -n "$TORCH_INDEX" ]; then \
        grep -E '^torch(vision)?==' requirements.txt > /tmp/torch.txt \
        && pip install --index-url "$TORCH_INDEX" --requirement /tmp/torch.txt \
        && rm /tmp/torch.txt; \
    fi \
    && pip install --requirement requirements.txt

COPY pyproject.toml setup.py README.md LICENSE ./
COPY cbam_core ./cbam_core
COPY app ./app
COPY checkpoints ./checkpoints
RUN pip install --no-deps --editable . \
    && python -m compileall -q app cbam_core \
    && groupadd --gid 10001 lens \
    && useradd --uid 10001 --gid 10001 --create-home lens \
    && install -d -o lens -g lens /data

USER 10001:10001
WORKDIR /home/lens
ENV CBAM_DATA_DIR=/data
VOLUME ["/data"]
EXPOSE 8501

HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8501/api/ready', timeout=4)"]

CMD ["cbam", "app", "--host", "0.0.0.0"]
