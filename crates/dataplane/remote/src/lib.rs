//! The contract over a unix socket: client, server and protobuf messages.
