//! Words of the project: ids, addresses, prefixes, names, time.
