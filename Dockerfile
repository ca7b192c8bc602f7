# The images of our programs, one for each target:
#
#   docker build --target portcullis-proxy --tag REGISTRY/portcullis-proxy:VERSION .
#   docker build --target portcullis-operator --tag REGISTRY/portcullis-operator:VERSION .
#   docker build --target portcullis       --tag REGISTRY/portcullis:VERSION .
#
# Each holds one program on a base with no shell and no package manager, runs as 65532, and writes
# nothing into its root: run it with a read-only one.
#
# Both bases are arguments, so that a release pins them by what they hold and not by name:
#   --build-arg BASE=gcr.io/distroless/cc-debian12:nonroot@sha256:…
# The digest is looked up when a release is made (`crane digest …`) and its signature checked with it
# (`cosign verify … --certificate-identity keyless@distroless.iam.gserviceaccount.com
# --certificate-oidc-issuer https://accounts.google.com`).
#
# Rust's version is the one of rust-toolchain.toml; a test of the build stage says so.
ARG BUILDER=docker.io/library/rust:1.95.0-bookworm
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILDER} AS build
# The parser of SQL is C; its bindings are made by libclang.
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends libclang1-14 libclang-common-14-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN grep -qx "channel = \"$(rustc --version | cut -d' ' -f2)\"" rust-toolchain.toml
RUN --mount=type=cache,target=/source/target --mount=type=cache,target=/usr/local/cargo/registry \
    cargo build --locked --release --package portcullis-proxy --package portcullis-operator --package portcullis-cli --bins \
 && install -D -t /out target/release/portcullis target/release/portcullis-proxy target/release/portcullis-operator

FROM ${BASE} AS portcullis
COPY --from=build /out/portcullis /usr/bin/portcullis
USER 65532:65532
ENTRYPOINT ["/usr/bin/portcullis"]

FROM ${BASE} AS portcullis-proxy
COPY --from=build /out/portcullis-proxy /usr/bin/portcullis-proxy
USER 65532:65532
ENTRYPOINT ["/usr/bin/portcullis-proxy"]

FROM ${BASE} AS portcullis-operator
COPY --from=build /out/portcullis-operator /usr/bin/portcullis-operator
USER 65532:65532
ENTRYPOINT ["/usr/bin/portcullis-operator"]
