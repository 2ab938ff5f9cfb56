# Makes the host key at the first start, and becomes the server.
set -eu
[ -e /keys/host ] || ssh-keygen -q -t ed25519 -N '' -f /keys/host
exec /usr/sbin/sshd -D -e -f /app/sshd_config
