# Stages with hinit: it is copied and mounted from its own image, runs a step of the build, and installs itself.
ARG BASE
ARG HINIT
FROM $HINIT AS hinit

FROM $BASE AS build
ARG BUILD
# Each build adds a line to the cache.
RUN --mount=type=cache,target=/cache --mount=type=bind,from=hinit,source=/hinit,target=/hinit \
    /hinit --no-pid-file -- sh -c 'echo "$BUILD" >>/cache/builds && cp /cache/builds / && /hinit install /init'

FROM scratch
COPY --from=build /init /hinit
COPY --from=build /builds /
COPY --chmod=755 examples/demo-server /
USER 10001
ENTRYPOINT ["/hinit", "--"]
CMD ["/demo-server"]
HEALTHCHECK --interval=1h --timeout=30s --start-period=1h --start-interval=100ms CMD ["/hinit", "healthcheck"]
