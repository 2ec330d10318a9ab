# What the official slim image of ruby 3.3 is to the Dockerfiles: Ruby with bundler, and no compiler. The gems are
# Debian's, because only the crate registry is counted on.
ARG BASE
FROM ${BASE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
        ruby bundler ruby-webrick \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin
