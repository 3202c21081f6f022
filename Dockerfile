# The image holds one static program, the certificate authorities it trusts, the
# world's time zones, and the client for people's own machines, which the
# program offers for download and never runs. It has no shell, runs as nobody in particular, and
# needs no writable root: state goes to /var/lib/daypass, a volume.
#
#   docker build --build-arg VERSION=0.1.0 -t daypass:0.1.0 .

# Any image with Go 1.26 and certificate authorities will do.
ARG BUILDER=golang:1.26

FROM --platform=$BUILDPLATFORM ${BUILDER} AS build
# Where modules come from, if not from where Go looks by itself.
ARG GOPROXY
ENV CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly GOWORK=off
WORKDIR /src
# Modules first: they change less often than our code, and a layer keeps them.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
# The clients are the same in an image for any platform, so they come before
# what differs. They take their room plain: a registry compresses layers anyway,
# and parts of a plain file can be served.
RUN cmd/kubectl-daypass/build-all "${VERSION}" /out/clients
ARG TARGETOS
ARG TARGETARCH
RUN GOOS=${TARGETOS} GOARCH=${TARGETARCH} \
    go build -trimpath -buildvcs=false -ldflags "-s -w -X github.com/daypass/daypass/cmd.version=${VERSION}" -o /out/daypass ./cmd/daypass
# The last stage has no mkdir: its folders are made here. /state is apart because
# copying into a folder that exists leaves its owner as it was.
RUN mkdir -p /out/etc/ssl/certs /out/etc/daypass /out/tmp /state/daypass && \
    chmod 1777 /out/tmp && \
    cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ && \
    cp "$(go env GOROOT)/lib/time/zoneinfo.zip" /out/etc/zoneinfo.zip

FROM scratch
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="daypass" \
      org.opencontainers.image.description="Short-lived kubeconfigs for Amazon EKS, every one on the record" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/daypass/daypass" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/ /
COPY --from=build --chown=65532:65532 /state/ /var/lib/
ENV ZONEINFO=/etc/zoneinfo.zip
# By number, because Kubernetes cannot tell whether a name is root.
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/daypass"]
CMD ["serve", "--config", "/etc/daypass/daypass.yaml"]
