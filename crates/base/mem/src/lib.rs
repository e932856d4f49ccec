//! Prefetch, huge-page slab and keyed hash: the memory primitives that need unsafe.
