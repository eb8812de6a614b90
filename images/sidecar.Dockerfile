# syntax=docker/dockerfile:1
# Image of the sidecar, with one static file: docker buildx build -f images/sidecar.Dockerfile .
# `images/build` builds the same without a container engine.
FROM rust:1.95.0-slim-bookworm@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082 AS build
WORKDIR /src
COPY . .
ENV RUSTUP_TOOLCHAIN=1.95.0
SHELL ["/bin/bash", "-euc"]
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target,id=rolebridge-$TARGETARCH \
    . images/static.sh && static_into /src/target && target="$(uname -m)-unknown-linux-gnu" && \
    cargo build --profile sidecar --locked --target "$target" -p rolebridge-sidecar && \
    cp "target/$target/sidecar/rolebridge-sidecar" /

FROM scratch
ARG VERSION=0.0.0 REVISION=unknown
LABEL org.opencontainers.image.title="rolebridge-sidecar" \
      org.opencontainers.image.description="Keeps a pod's Google Cloud subject token fresh with its IAM role" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /rolebridge-sidecar /rolebridge-sidecar
USER 65532:65532
ENTRYPOINT ["/rolebridge-sidecar"]
