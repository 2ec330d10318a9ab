# What the official ruby image is to the Dockerfiles: ruby 3.3, its headers, bundler and a C compiler. The gems are
# Debian's, because only the crate registry is counted on.
ARG BASE
FROM ${BASE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
        ruby ruby-dev bundler ruby-webrick ruby-ffi puma ruby-pg gcc make libc6-dev pkg-config curl \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
