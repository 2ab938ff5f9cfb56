//! Health checks through TLS: of servers by OpenSSL, and of servers that break off or send something else.

mod broken;
mod openssl;
mod peers;
