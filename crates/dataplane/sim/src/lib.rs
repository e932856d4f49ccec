//! The simulator backend: virtual ports, virtual clock, pcap replay.
