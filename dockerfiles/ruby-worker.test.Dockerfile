# The Ruby worker, built the plain way: any builder can, also with DOCKER_BUILDKIT=0. Kept to fall back to, and as what
# the optimised ruby-worker.test-local.Dockerfile is measured against; so it stays as such files usually are.
#
#   docker build -f dockerfiles/ruby-worker.test.Dockerfile tests/workspace

ARG RUST_IMAGE=rust:1.85-bookworm
ARG RUBY_IMAGE=ruby:3.3-slim-bookworm

FROM ${RUST_IMAGE} AS chef
ARG CARGO_CHEF_VERSION=0.1.73
RUN cargo install --locked --root /usr/local "cargo-chef@${CARGO_CHEF_VERSION}"
WORKDIR /app

FROM chef AS planner
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

# Compiles the library where Rust is at home,
FROM chef AS rust_builder
COPY --from=planner /app/recipe.json recipe.json
RUN cargo chef cook --release --locked --package tasker-ruby-native --recipe-path recipe.json
COPY . .
RUN cargo build --release --locked --package tasker-ruby-native

# and once more where Ruby is: as the worker's own build does it, against the libc that it will run with.
FROM ${RUBY_IMAGE} AS ruby_builder
ENV CARGO_HOME=/usr/local/cargo RUSTUP_HOME=/usr/local/rustup PATH=/usr/local/cargo/bin:${PATH}
# An official Rust image has its compiler in /usr/local; where this one has not, Debian's is installed.
COPY --from=rust_builder /usr/local /usr/local
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends gcc libc6-dev \
 && if ! command -v cargo; then apt-get install -y --no-install-recommends cargo rustc; fi \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY . .
WORKDIR /app/tasker-ruby-worker
ENV BUNDLE_APP_CONFIG=/app/tasker-ruby-worker/.bundle BUNDLE_FROZEN=true BUNDLE_WITHOUT=test
RUN mkdir .bundle \
 && (bundle check || (bundle config set --local path vendor/bundle && bundle install))
RUN rake compile

FROM ${RUBY_IMAGE} AS runtime
RUN useradd --system --no-create-home --uid 10001 tasker
WORKDIR /worker
COPY --from=ruby_builder /app/tasker-ruby-worker ./
USER 10001
ENV PORT=8082 HOME=/tmp BUNDLE_APP_CONFIG=/worker/.bundle BUNDLE_FROZEN=true BUNDLE_WITHOUT=test
EXPOSE 8082
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["/worker/bin/tasker-ruby-worker", "health"]
CMD ["/worker/bin/tasker-ruby-worker"]
