# The image that docker/demo runs. It contains hinit and a small server, and no shell, libc or user database.
FROM scratch
COPY hinit demo-server /
USER 65532:65532
EXPOSE 8000
ENTRYPOINT ["/hinit", "--"]
CMD ["/demo-server"]
HEALTHCHECK --interval=2s CMD ["/hinit", "healthcheck"]
