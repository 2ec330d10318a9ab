# The orchestration, built the plain way: any builder can, also with DOCKER_BUILDKIT=0. Kept to fall back to and as what
# the optimised orchestration.test-local.Dockerfile is measured against; so it stays as such files usually are.
#
#   docker build -f dockerfiles/orchestration.test.Dockerfile tests/workspace

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
RUN cargo chef cook --release --locked --package tasker-orchestration --recipe-path recipe.json
COPY . .
ENV SQLX_OFFLINE=true
RUN cargo build --release --locked --package tasker-orchestration --bin tasker-server
ARG SQLX_CLI_VERSION=0.8.6
RUN cargo install --locked --root /usr/local --no-default-features --features rustls,postgres \
    "sqlx-cli@${SQLX_CLI_VERSION}"

FROM ${RUNTIME_IMAGE} AS runtime
RUN useradd --system --no-create-home --uid 10001 tasker
COPY --from=builder /app/target/release/tasker-server /usr/local/bin/
USER 10001
ENV PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/tasker-server", "health"]
CMD ["/usr/local/bin/tasker-server"]
