//! Netlink, TAP devices and sysctl: the kernel's side of the firewall.
