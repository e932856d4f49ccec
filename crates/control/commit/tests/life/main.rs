//! The life of commits over a disk that dies and consumers that fail: whatever happens, store, kernel plan and
//! dataplane agree in the end.

mod both;
mod confirmed;
mod faults;
mod orders;
mod support;
mod times;
mod two;
