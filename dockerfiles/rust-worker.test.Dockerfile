# The Rust worker, built the plain way: any builder can, also with DOCKER_BUILDKIT=0. Kept to fall back to, and as what
# the optimised rust-worker.test-local.Dockerfile is measured against; so it stays as such files usually are.
#
#   docker build -f dockerfiles/rust-worker.test.Dockerfile tests/workspace

ARG RUST_IMAGE=rust:1.85-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${RUST_IMAGE} AS chef
ARG CARGO_CHEF_VERSION=0.1.73
RUN cargo install --locked --root /usr/local "cargo-chef@${CARGO_CHEF_VERSION}"
WORKDIR /app

FROM chef AS planner
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS builder
COPY --from=planner /app/recipe.json recipe.json
RUN cargo chef cook --release --locked --package tasker-rust-worker --recipe-path recipe.json
COPY . .
ENV SQLX_OFFLINE=true
RUN cargo build --release --locked --package tasker-rust-worker --bin tasker-rust-worker

FROM ${RUNTIME_IMAGE} AS runtime
RUN useradd --system --no-create-home --uid 10001 tasker
COPY --from=builder /app/target/release/tasker-rust-worker /usr/local/bin/
USER 10001
ENV PORT=8081
EXPOSE 8081
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/tasker-rust-worker", "health"]
CMD ["/usr/local/bin/tasker-rust-worker"]
