//! Header views, builders and checksums over borrowed bytes.
