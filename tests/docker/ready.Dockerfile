# A container that is healthy once its server has reported that it is ready.
FROM scratch
COPY hinit demo-server /
ENTRYPOINT ["/hinit", "--notify", "--"]
CMD ["/demo-server"]
HEALTHCHECK CMD ["/hinit", "healthcheck", "--ready"]
