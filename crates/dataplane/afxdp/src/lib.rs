//! The AF_XDP backend: shim, UMEM, rings, workers.
