# One static binary, and beside it a static shell of one file for the CIs that
# run a script in the image (GitLab, Jenkins): docs/why.md says why there is
# no second image. No package manager, no libraries, nothing else to patch. It
# must build with BuildKit and with the classic builder (act uses the latter),
# so: no RUN --mount, no COPY --chmod, no syntax line.

FROM busybox:1.37.0-musl AS shell

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
# What the scripts of a CI and of a user call. The links are made here, since
# the shell itself may be for a processor that this machine does not have.
RUN mkdir -p /out/bin && cd /out/bin && ln -s ../car-publish car-publish \
 && for name in \
      [ awk base64 basename cat chmod cp cut date dirname echo env expr false find grep gunzip gzip head id \
      kill ln ls md5sum mkdir mktemp mv od printf ps pwd readlink rm rmdir sed seq sh sha256sum sleep \
      sort stat tail tar tee test timeout touch tr true uname uniq unzip wc which xargs; \
    do ln -s busybox "$name"; done \
 && mkdir -m 1777 /out/tmp

FROM scratch
LABEL org.opencontainers.image.title="car-publish" \
      org.opencontainers.image.description="Publishes a build as a version on Tencent Cloud CAR" \
      org.opencontainers.image.source="https://github.com/car-publish/car-publish" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=shell /bin/busybox /bin/busybox
COPY --from=build /out /
# No USER: on GitHub a container action must be root to read the workspace and
# to write the step's output files. Elsewhere any user will do
# (docker run --user 1000): the program needs no home, no passwd entry and no
# temporary folder.
ENTRYPOINT ["/car-publish"]
