# The studio as an image; compose.yaml says how to run it.
FROM python:3.11-slim

# cpu leaves out CUDA, which is most of the image; any other word takes PyPI's torch, which has it.
ARG TORCH=cpu

RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 studio && install -d -o studio /data

WORKDIR /studio
COPY . .
RUN --mount=type=cache,target=/root/.cache/pip \
    if [ "$TORCH" = cpu ]; then export PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu; fi; \
    make .venv/app

# /data keeps everything: runs, queue, uploads, what the Hub sent.
ENV ADASPEC_HOME=/data HF_HOME=/data/huggingface STREAMLIT_SERVER_ADDRESS=0.0.0.0
VOLUME /data
USER studio
EXPOSE 8501
HEALTHCHECK --start-period=60s CMD [".venv/bin/python", "-c", \
    "import urllib.request as web; web.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=5)"]
CMD [".venv/bin/streamlit", "run", "app/main.py", "--server.port", "8501"]
