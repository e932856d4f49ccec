//! `security address-book`: names for addresses and sets of them.

use std::net::IpAddr;

use ipnet::IpNet;
use ravelin_syntax::Span;

/// Only the book `global` exists in a [`crate::ValidConfig`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddressBook {
    pub name: String,
    pub addresses: Vec<Address>,
    pub sets: Vec<AddressSet>,
    pub at: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    pub name: String,
    pub value: AddressValue,
    pub description: Option<String>,
    pub at: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressValue {
    /// Host bits zero.
    Prefix(IpNet),
    /// Both ends included, same family, low first.
    Range(IpAddr, IpAddr),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AddressSet {
    pub name: String,
    pub description: Option<String>,
    pub addresses: Vec<String>,
    pub sets: Vec<String>,
    pub at: Span,
}
