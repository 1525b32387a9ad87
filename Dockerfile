# One static binary on an empty image: no shell, no package manager, nothing
# else to patch. It must build with BuildKit and with the classic builder
# (act uses the latter), so: no RUN --mount, no COPY --chmod, no syntax line.

# BuildKit sets BUILDPLATFORM, and Go cross-compiles natively for TARGETARCH
# instead of running under emulation. The classic builder sets none of them;
# "linux" then means this machine's own architecture.
FROM --platform=${BUILDPLATFORM:-linux} golang:1.26-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
# By name, not as a whole: act sends the workspace without minding
# .dockerignore, and a build in it must not cause another compilation.
COPY *.go ./
COPY internal internal
ARG VERSION=dev
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build \
      -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$VERSION" -o /out/car-publish . \
 && ln -s car-publish /out/cleanup \
 && mkdir -p /out/etc/ssl/certs \
 && cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/

FROM scratch
LABEL org.opencontainers.image.title="car-publish" \
      org.opencontainers.image.description="Publishes a build as a version on Tencent Cloud CAR" \
      org.opencontainers.image.source="https://github.com/car-publish/car-publish" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out /
# No USER: on GitHub a container action must be root to read the workspace and
# to write the step's output files. Elsewhere any user will do
# (docker run --user 1000): the program needs no home, no passwd entry and no
# temporary folder.
ENTRYPOINT ["/car-publish"]
