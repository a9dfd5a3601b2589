# The router with its encoder. deploy/compose puts Envoy and vLLM beside it.

ARG BASE=python:3.12-slim

FROM ${BASE} AS build
RUN python3 -m venv /opt/semrouter
ENV PATH=/opt/semrouter/bin:$PATH
WORKDIR /build

# PyTorch's CPU-only index, for a base whose default index would bring CUDA along.
ARG TORCH_INDEX=
# torch comes first and by version only: its hash differs between the CPU and CUDA builds.
RUN pip install ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} torch==2.13.0
COPY requirements/runtime.lock .
RUN pip install --require-hashes --no-deps -r runtime.lock

COPY . .
RUN pip install --no-deps . && pip check

FROM ${BASE}
RUN useradd --create-home --uid 10001 semrouter
COPY --from=build /opt/semrouter /opt/semrouter
COPY deploy/compose/semrouter.yaml /etc/semrouter/
ENV PATH=/opt/semrouter/bin:$PATH
# Prepared here rather than at every start, where any user finds it.
ENV XDG_CACHE_HOME=/var/cache/semrouter ORT_DISABLE_TELEMETRY=1
RUN semrouter encoder export && chmod -R a+rX "$XDG_CACHE_HOME"
# By number, so that Kubernetes can see that it is not root.
USER 10001
EXPOSE 50051 9190
ENTRYPOINT ["semrouter"]
CMD ["serve", "--config", "/etc/semrouter/semrouter.yaml"]
