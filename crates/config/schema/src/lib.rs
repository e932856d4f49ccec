//! The grammar table of the language and its one interpreter.
