# The router with its encoder. deploy/compose puts Envoy and vLLM beside it.

ARG BASE=python:3.12-slim
# onnx: for CPUs, without PyTorch. torch: for GPUs, and for encoders that onnx cannot express.
ARG ENCODER=onnx

FROM ${BASE} AS build
# Two environments, so that nothing of what builds goes on.
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/semrouter
ENV PATH=/opt/semrouter/bin:/opt/build/bin:$PATH PIP_PYTHON=/opt/semrouter/bin/python
# Where any user finds the prepared encoder, and nobody prepares it again.
ENV XDG_CACHE_HOME=/usr/local/share/semrouter/cache ORT_DISABLE_TELEMETRY=1
WORKDIR /build

FROM build AS onnx
COPY requirements/onnx.lock requirements/export.lock requirements/
RUN pip install --require-hashes --no-deps -r requirements/onnx.lock
RUN pip install --target /opt/export --require-hashes --no-deps -r requirements/export.lock
COPY . .
RUN pip install --no-deps .
RUN PYTHONPATH=/opt/export semrouter encoder export \
    --out /usr/local/share/semrouter/encoders/all-MiniLM-L6-v2
# The libraries' own tests, 20 MB, and ONNX Runtime for C, 35 MB: Python's module has it inside.
RUN find /opt/semrouter \( -type d -name tests -o -name 'libonnxruntime.so*' \) -prune -exec rm -r {} +

FROM build AS torch
# PyTorch's CPU-only index, for a base whose default index would bring CUDA along.
ARG TORCH_INDEX=
# torch comes first and by version only: its hash differs between the CPU and CUDA builds.
RUN pip install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch==2.13.0
COPY requirements/runtime.lock requirements/
RUN pip install --require-hashes --no-deps -r requirements/runtime.lock
COPY . .
RUN pip install --no-deps . && pip check
# For the same image on a CPU.
RUN semrouter encoder export

FROM ${ENCODER} AS installed
RUN chmod -R a+rX /usr/local/share/semrouter

FROM ${BASE}
RUN useradd --create-home --uid 10001 semrouter
COPY --from=installed /opt/semrouter /opt/semrouter
COPY --from=installed /usr/local/share/semrouter /usr/local/share/semrouter
COPY deploy/compose/semrouter.yaml /etc/semrouter/
ENV PATH=/opt/semrouter/bin:$PATH
ENV XDG_CACHE_HOME=/usr/local/share/semrouter/cache ORT_DISABLE_TELEMETRY=1
# PyTorch wants a place for temporary files, and this one can be written to on a read-only root.
ENV TMPDIR=/dev/shm
# By number, so that Kubernetes can see that it is not root.
USER 10001
EXPOSE 50051 9190
ENTRYPOINT ["semrouter"]
CMD ["serve", "--config", "/etc/semrouter/semrouter.yaml"]
