# What the official rust image is to the Dockerfiles, from Debian's packages: the same CARGO_HOME, curl, git, a C
# compiler and OpenSSL's headers. For linux/arm64 the cross compiler and the standard library are there, as
# `rustup target add` and apt would bring them.
ARG BASE
FROM ${BASE}
ENV CARGO_HOME=/usr/local/cargo PATH=/usr/local/cargo/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
        rustc cargo gcc g++ libc6-dev make pkg-config libssl-dev curl git xz-utils file \
        gcc-aarch64-linux-gnu libc6-dev-arm64-cross \
 && dpkg --add-architecture arm64 \
 && apt-get update \
 && cd /tmp \
 && apt-get download libstd-rust-dev:arm64 \
 && dpkg-deb -x libstd-rust-dev_*_arm64.deb / \
 && rm libstd-rust-dev_*_arm64.deb \
 && dpkg --remove-architecture arm64 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
# The user's own way to the crate registry, when there is one.
COPY cargo/ /usr/local/cargo/
