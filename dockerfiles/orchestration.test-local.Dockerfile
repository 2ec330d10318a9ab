# The orchestration, built so that each step runs only when it has to. The plain way: orchestration.test.Dockerfile.
#
#   docker build -f dockerfiles/orchestration.test-local.Dockerfile tests/workspace
#
# Needs BuildKit. No "# syntax=" line: some hosts can't pull a frontend, and BuildKit's own knows all that is used here.

ARG RUST_IMAGE=rust:1.85-bookworm
# Of the same Debian as the Rust image, or a newer one: what is linked there needs its libc.
ARG RUNTIME_IMAGE=debian:bookworm-slim

# First, so that a builder without cache mounts stops here, with a reason, instead of half-way. TARGETARCH is set by
# BuildKit alone. (BuildKit itself skips this stage: nothing is made from it.)
FROM ${RUNTIME_IMAGE} AS needs-buildkit
ARG TARGETARCH
RUN if [ -z "${TARGETARCH}" ]; then \
        echo 'ERROR: this Dockerfile needs BuildKit. Set DOCKER_BUILDKIT=1 and install buildx, or build' >&2; \
        echo 'the Dockerfile without "-local" in its name, which needs neither.' >&2; \
        exit 1; \
    fi

### the tools, each in a stage of its own: they are fetched side by side, and a new version of one costs no other #####

# What compiles runs on the building machine's own architecture, whatever the image is for: a cross compiler is as fast
# as a native one, an emulator ten times slower.
FROM --platform=${BUILDPLATFORM} ${RUST_IMAGE} AS fetch
SHELL ["/bin/bash", "-eu", "-o", "pipefail", "-c"]
# hadolint ignore=DL3008
RUN command -v curl >/dev/null || { \
        apt-get update; \
        apt-get install -y --no-install-recommends ca-certificates curl; \
        rm -rf /var/lib/apt/lists/*; \
    }
WORKDIR /out
WORKDIR /tmp/fetch
ARG BUILDARCH

# A given checksum must be that of the archive. Where none is given, the one that the release page has beside the
# archive must be there and match: that finds a damaged download, but not a release page that somebody has taken over.

# cargo-chef's releases carry such files; the sum of this version could not be looked up elsewhere, so none is given.
FROM fetch AS cargo-chef
SHELL ["/bin/bash", "-eu", "-o", "pipefail", "-c"]
ARG CARGO_CHEF_VERSION=0.1.73
ARG CARGO_CHEF_BASE_URL=https://github.com/LukeMathWalker/cargo-chef/releases/download
ARG CARGO_CHEF_SHA256_AMD64=
ARG CARGO_CHEF_SHA256_ARM64=
RUN case "${BUILDARCH}" in \
    amd64) machine=x86_64 sum=${CARGO_CHEF_SHA256_AMD64} ;; \
    arm64) machine=aarch64 sum=${CARGO_CHEF_SHA256_ARM64} ;; \
    *) echo "no prebuilt cargo-chef for ${BUILDARCH}" >&2; exit 1 ;; \
    esac; \
    url=${CARGO_CHEF_BASE_URL}/v${CARGO_CHEF_VERSION}/cargo-chef-${machine}-unknown-linux-musl.tar.gz; \
    curl -fsSL --retry 3 -o archive "${url}"; \
    [ -n "${sum}" ] || sum=$(curl -fsSL --retry 3 "${url}.sha256"); \
    echo "${sum%% *}  archive" | sha256sum -c -; \
    tar -xzf archive; \
    install -m 755 "$(find . -name cargo-chef -type f)" /out/; \
    /out/cargo-chef --version

# cargo-binstall is signed and has no checksums; these are the ones that taiki-e/install-action has recorded.
FROM fetch AS cargo-binstall
SHELL ["/bin/bash", "-eu", "-o", "pipefail", "-c"]
ARG CARGO_BINSTALL_VERSION=1.13.0
ARG CARGO_BINSTALL_BASE_URL=https://github.com/cargo-bins/cargo-binstall/releases/download
ARG CARGO_BINSTALL_SHA256_AMD64=12ba6a4022bdf121701fbd6c01d8021d7f867993877b26582f0d7281bae7a1f9
ARG CARGO_BINSTALL_SHA256_ARM64=2be845b457aabfc66d68be77d69c0fd849edd446a4d23b2e3fd174ca502bd343
RUN case "${BUILDARCH}" in \
    amd64) machine=x86_64 sum=${CARGO_BINSTALL_SHA256_AMD64} ;; \
    arm64) machine=aarch64 sum=${CARGO_BINSTALL_SHA256_ARM64} ;; \
    *) echo "no prebuilt cargo-binstall for ${BUILDARCH}" >&2; exit 1 ;; \
    esac; \
    url=${CARGO_BINSTALL_BASE_URL}/v${CARGO_BINSTALL_VERSION}/cargo-binstall-${machine}-unknown-linux-musl.tgz; \
    curl -fsSL --retry 3 -o archive "${url}"; \
    [ -n "${sum}" ] || sum=$(curl -fsSL --retry 3 "${url}.sha256"); \
    echo "${sum%% *}  archive" | sha256sum -c -; \
    tar -xzf archive; \
    install -m 755 "$(find . -name cargo-binstall -type f)" /out/; \
    /out/cargo-binstall -V

# sqlx has no binaries of its own; cargo-binstall finds those of the cargo-quickinstall project, and takes only what is
# signed. From a mirror (a copy of that project's release pages) the archive is fetched without binstall, which would
# check nothing there and speaks only HTTPS: its checksum is checked, as above. Where neither can be had, sqlx-cli is
# compiled, with the two features that are needed (binstall's own fallback would compile all of them).
FROM fetch AS sqlx-cli
SHELL ["/bin/bash", "-eu", "-o", "pipefail", "-c"]
COPY --from=cargo-binstall /out/ /usr/local/bin/
ARG SQLX_CLI_VERSION=0.8.6
ARG SQLX_CLI_BASE_URL=
ARG SQLX_CLI_SHA256_AMD64=
ARG SQLX_CLI_SHA256_ARM64=
RUN case "${BUILDARCH}" in \
    amd64) machine=x86_64 sum=${SQLX_CLI_SHA256_AMD64} ;; \
    *) machine=aarch64 sum=${SQLX_CLI_SHA256_ARM64} ;; \
    esac; \
    crate=sqlx-cli-${SQLX_CLI_VERSION}; \
    url=${SQLX_CLI_BASE_URL}/${crate}/${crate}-${machine}-unknown-linux-gnu.tar.gz; \
    if [ -z "${SQLX_CLI_BASE_URL}" ]; then \
        cargo-binstall --no-confirm --only-signed --disable-strategies compile --disable-telemetry \
            --install-path /out "sqlx-cli@${SQLX_CLI_VERSION}" || true; \
    elif curl -fsSL --retry 3 -o archive "${url}"; then \
        [ -n "${sum}" ] || sum=$(curl -fsSL --retry 3 "${url}.sha256"); \
        echo "${sum%% *}  archive" | sha256sum -c -; \
        tar -xzf archive; \
        install -m 755 "$(find . -name sqlx -type f)" /out/; \
    fi; \
    if ! /out/sqlx --version; then \
        echo "no prebuilt sqlx-cli ${SQLX_CLI_VERSION} that runs here: compiling it" >&2; \
        cargo install --locked --root /tmp/fetch --no-default-features --features rustls,postgres \
            "sqlx-cli@${SQLX_CLI_VERSION}"; \
        cp bin/sqlx /out/; \
        /out/sqlx --version; \
    fi

# SCCACHE=1 compiles through sccache, which remembers every rustc call by its input: for services, branches and profiles
# that compile the same crates. The checksums are those that the project publishes.
FROM fetch AS sccache
SHELL ["/bin/bash", "-eu", "-o", "pipefail", "-c"]
ARG SCCACHE=0
ARG SCCACHE_VERSION=0.10.0
ARG SCCACHE_BASE_URL=https://github.com/mozilla/sccache/releases/download
ARG SCCACHE_SHA256_AMD64=1fbb35e135660d04a2d5e42b59c7874d39b3deb17de56330b25b713ec59f849b
ARG SCCACHE_SHA256_ARM64=d6a1ce4acd02b937cd61bc675a8be029a60f7bc167594c33d75732bbc0a07400
RUN if [ "${SCCACHE}" != 1 ]; then exit 0; fi; \
    case "${BUILDARCH}" in \
    amd64) machine=x86_64 sum=${SCCACHE_SHA256_AMD64} ;; \
    arm64) machine=aarch64 sum=${SCCACHE_SHA256_ARM64} ;; \
    *) echo "no prebuilt sccache for ${BUILDARCH}" >&2; exit 1 ;; \
    esac; \
    url=${SCCACHE_BASE_URL}/v${SCCACHE_VERSION}/sccache-v${SCCACHE_VERSION}-${machine}-unknown-linux-musl.tar.gz; \
    curl -fsSL --retry 3 -o archive "${url}"; \
    [ -n "${sum}" ] || sum=$(curl -fsSL --retry 3 "${url}.sha256"); \
    echo "${sum%% *}  archive" | sha256sum -c -; \
    tar -xzf archive; \
    install -m 755 "$(find . -name sccache -type f)" /out/; \
    /out/sccache --version

### the recipe: what the dependencies are, and nothing else ###########################################################

# Runs after every change, in a second. Only when its result is another one is anything compiled anew below.
FROM fetch AS planner
COPY --from=cargo-chef /out/ /usr/local/bin/
WORKDIR /app
COPY . .
RUN cargo chef prepare --recipe-path /recipe.json

### compiling #########################################################################################################

# Cargo's registry, its git checkouts, the compiled output and sccache's memory are cache mounts, which outlive a layer.
# With which sharing=?
#
# registry, git: "shared", because Cargo takes care of itself: it locks them while it downloads and unpacks. But the
# files that it locks lie beside the two folders, in the container's own CARGO_HOME, where no other build sees them:
# the links below bring them into the mount. ("locked" would do without, but then no two services compile at a time.)
# target: "locked", and each service has its own. Cargo locks it as well, but only while it compiles: another build
# could replace the program before this one has copied it out.
# sccache: "shared". Its files come by rename, whole or not at all, and are found by what is in them.
FROM fetch AS builder
SHELL ["/bin/bash", "-eu", "-o", "pipefail", "-c"]
RUN for lock in .package-cache .package-cache-mutate; do \
        ln -s "registry/${lock}" "/usr/local/cargo/${lock}"; \
    done
COPY --from=cargo-chef /out/ /usr/local/bin/
COPY --from=sccache /out/ /usr/local/bin/

# For another architecture: its linker and its standard library, by rustup or from Debian.
# cross/flags is what Cargo is told, cross/out where it then puts what it has made.
ARG BUILDARCH
ARG TARGETARCH
ENV CARGO_TARGET_DIR=/target
WORKDIR /cross
# hadolint ignore=DL3008
RUN touch flags; \
    ln -s "${CARGO_TARGET_DIR}/release" out; \
    if [ "${TARGETARCH}" = "${BUILDARCH}" ]; then exit 0; fi; \
    case "${TARGETARCH}" in \
    amd64) machine=x86_64 gcc=gcc-x86-64-linux-gnu ;; \
    arm64) machine=aarch64 gcc=gcc-aarch64-linux-gnu ;; \
    *) echo "can't compile for ${TARGETARCH}" >&2; exit 1 ;; \
    esac; \
    triple=${machine}-unknown-linux-gnu; \
    set --; \
    if command -v rustup >/dev/null; then rustup target add "${triple}"; \
    elif [ ! -d "$(rustc --print sysroot)/lib/rustlib/${triple}" ]; then \
        dpkg --add-architecture "${TARGETARCH}"; \
        set -- "libstd-rust-dev:${TARGETARCH}"; \
    fi; \
    command -v "${machine}-linux-gnu-gcc" >/dev/null || set -- "$@" "${gcc}" "libc6-dev-${TARGETARCH}-cross"; \
    if [ $# -gt 0 ]; then \
        apt-get update; \
        apt-get install -y --no-install-recommends "$@"; \
        rm -rf /var/lib/apt/lists/*; \
    fi; \
    mkdir -p /.cargo; \
    printf '[target.%s]\nlinker = "%s-linux-gnu-gcc"\n' "${triple}" "${machine}" >/.cargo/config.toml; \
    printf -- '--target=%s' "${triple}" >flags; \
    ln -sfn "${CARGO_TARGET_DIR}/${triple}/release" out

WORKDIR /app
ENV SQLX_OFFLINE=true SCCACHE_DIR=/sccache
ARG SCCACHE=0

# The dependencies. They stay in the mount, and so in no cache export: where the mount is lost (another machine, a
# prune), this step is CACHED all the same, and the next one compiles them, once.
# A build that died here may leave stand-ins for our own code in the mount; without .sources nothing of it is used.
COPY --from=planner /recipe.json /recipe.json
RUN --mount=type=cache,id=cargo-registry,target=/usr/local/cargo/registry,sharing=shared \
    --mount=type=cache,id=cargo-git,target=/usr/local/cargo/git,sharing=shared \
    --mount=type=cache,id=orchestration-target,target=/target,sharing=locked \
    --mount=type=cache,id=sccache,target=/sccache,sharing=shared \
    if [ "${SCCACHE}" = 1 ]; then export RUSTC_WRAPPER=sccache; fi; \
    rm -f "${CARGO_TARGET_DIR}/.sources"; \
    flags=$(cat /cross/flags); \
    cargo chef cook --release --locked ${flags:+"${flags}"} --package tasker-orchestration --recipe-path /recipe.json; \
    if [ "${SCCACHE}" = 1 ]; then sccache --show-stats; fi

# Ours, and only what this service is made of: a change to another one costs nothing here. Of the others Cargo wants the
# manifests; cook has left stand-ins for their code. What changes seldom comes first.
COPY Cargo.toml Cargo.lock ./
COPY tasker-rust-worker/Cargo.toml tasker-rust-worker/
COPY tasker-ruby-worker/native/Cargo.toml tasker-ruby-worker/native/
COPY migrations migrations
COPY .sqlx .sqlx
COPY tasker-core tasker-core
COPY tasker-shared tasker-shared
COPY tasker-orchestration tasker-orchestration

# Cargo goes by file times. Those of another checkout or branch may be older than what the mount holds of this one, and
# it would take the old program for the new one. So what differs from the sources of the last good build is touched.
# What comes out is copied out of the mount in the same step: no layer holds anything of a mount.
RUN --mount=type=cache,id=cargo-registry,target=/usr/local/cargo/registry,sharing=shared \
    --mount=type=cache,id=cargo-git,target=/usr/local/cargo/git,sharing=shared \
    --mount=type=cache,id=orchestration-target,target=/target,sharing=locked \
    --mount=type=cache,id=sccache,target=/sccache,sharing=shared \
    if [ "${SCCACHE}" = 1 ]; then export RUSTC_WRAPPER=sccache; fi; \
    seen=${CARGO_TARGET_DIR}/.sources; \
    touch "${seen}"; \
    find . -type f -exec sha256sum {} + | sort >/tmp/sources; \
    comm -13 "${seen}" /tmp/sources | cut -c67- | xargs -r -d '\n' touch; \
    rm "${seen}"; \
    flags=$(cat /cross/flags); \
    cargo build --release --locked ${flags:+"${flags}"} --package tasker-orchestration --bin tasker-server; \
    cp /tmp/sources "${seen}"; \
    cp /cross/out/tasker-server /usr/local/bin/; \
    if [ "${SCCACHE}" = 1 ]; then sccache --show-stats; fi

# For whoever migrates a database from this stage: docker run BUILDER sqlx migrate run. Last, so that nothing waits.
COPY --from=sqlx-cli /out/ /usr/local/bin/

### what runs #########################################################################################################

# No RUN: the image for another architecture is put together without running a program of that architecture.
FROM ${RUNTIME_IMAGE} AS runtime
COPY --from=builder /usr/local/bin/tasker-server /usr/local/bin/
USER 10001:10001
ENV PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/usr/local/bin/tasker-server", "health"]
CMD ["/usr/local/bin/tasker-server"]
