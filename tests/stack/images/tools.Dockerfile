# The tools that the optimised Dockerfiles download, each compiled once from the crate registry and packed as its
# release pages have it (see ../sandbox-tools.sh). Made to be there soon, not to be fast.
ARG RUST_IMAGE
FROM ${RUST_IMAGE} AS build
ENV CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=64 \
    CARGO_PROFILE_RELEASE_DEBUG=0 CARGO_PROFILE_RELEASE_STRIP=symbols CARGO_TARGET_DIR=/target
ARG CRATE
ARG VERSION
ARG FEATURES
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=tools-target,target=/target,sharing=locked \
    cargo install --locked --no-track --root /out ${FEATURES} "${CRATE}@${VERSION}"
FROM scratch
COPY --from=build /out/bin/ /
