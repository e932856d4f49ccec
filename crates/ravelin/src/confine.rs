//! The packet process after its start: only what it needs of the kernel, and of the file system.
//!
//! Place: `ravelin dataplane`, before it has threads; they inherit all of it. Three fences, each for itself: capabilities
//! (man 7 capabilities), Landlock (man 7 landlock), and a list of system calls (man 2 seccomp). What a fence
//! forbids fails with an error and ends nothing. State: none.

use std::fmt;
use std::path::Path;

use caps::{CapSet, Capability, CapsHashSet};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

/// Sockets and XDP programs on devices, the shim's maps, and memory that stays where it is.
const KEPT: [Capability; 5] = [
    Capability::CAP_NET_ADMIN,
    Capability::CAP_NET_RAW,
    Capability::CAP_BPF,
    Capability::CAP_PERFMON,
    Capability::CAP_IPC_LOCK,
];

/// What could not be fenced in.
#[derive(Debug, thiserror::Error)]
pub enum Unconfined {
    #[error("drop capabilities: {0}")]
    Capabilities(#[from] caps::errors::CapsError),
    #[error("restrict the file system: {0}")]
    Landlock(#[from] landlock::RulesetError),
    #[error("restrict the file system to {0}: {1}")]
    Path(String, landlock::PathFdError),
    #[error("restrict system calls: {0}")]
    Seccomp(#[from] seccompiler::Error),
    #[error("restrict system calls: no list for {0}")]
    Architecture(&'static str),
}

/// What stands.
#[derive(Debug)]
pub struct Confined {
    landlock: RulesetStatus,
}

impl fmt::Display for Confined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = match self.landlock {
            RulesetStatus::FullyEnforced => "own files only",
            RulesetStatus::PartiallyEnforced => "own files only, as far as this kernel can",
            RulesetStatus::NotEnforced => "all files: this kernel has no Landlock",
        };
        write!(f, "capabilities: {}; system calls: listed; {files}", KEPT.map(|c| c.to_string()).join(" "))
    }
}

/// Fences this process in. `own` are the directories that it may change.
///
/// # Errors
/// A fence could not be put up: the process must not go on.
pub fn confine(own: &[&Path]) -> Result<Confined, Unconfined> {
    drop_capabilities()?;
    let landlock = restrict_files(own)?;
    let filter = system_calls()?;
    seccompiler::apply_filter(&filter)?;
    Ok(Confined { landlock })
}

fn drop_capabilities() -> Result<(), Unconfined> {
    let kept: CapsHashSet = KEPT.into_iter().collect();
    let held = caps::read(None, CapSet::Permitted)?;
    let left: CapsHashSet = held.intersection(&kept).copied().collect();
    // The bounding set first: it needs a capability that goes next.
    if held.contains(&Capability::CAP_SETPCAP) {
        for capability in caps::read(None, CapSet::Bounding)?.difference(&kept) {
            caps::drop(None, CapSet::Bounding, *capability)?;
        }
    }
    caps::clear(None, CapSet::Ambient)?;
    caps::set(None, CapSet::Inheritable, &CapsHashSet::new())?;
    caps::set(None, CapSet::Effective, &left)?;
    Ok(caps::set(None, CapSet::Permitted, &left)?)
}

/// Reads of /proc and /sys, the TAP device, and what is its own. No TCP, no signals to others, no program to execute.
fn restrict_files(own: &[&Path]) -> Result<RulesetStatus, Unconfined> {
    let abi = ABI::V6;
    let everything = AccessFs::from_all(abi) & !AccessFs::Execute;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    let mut rules: Vec<(&Path, BitFlags<AccessFs>)> =
        vec![(Path::new("/proc"), read), (Path::new("/sys"), read), (Path::new("/dev/net/tun"), device)];
    rules.extend(own.iter().map(|path| (*path, everything)));
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?;
    for (path, access) in rules {
        let fd = PathFd::new(path).map_err(|e| Unconfined::Path(path.display().to_string(), e))?;
        ruleset = ruleset.add_rule(PathBeneath::new(fd, access))?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

/// What the process calls, with what its libraries and the language's runtime call in need.
const CALLS: &[libc::c_long] = &[
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_bpf,
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_faccessat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fcntl,
    libc::SYS_flock,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_ftruncate,
    libc::SYS_futex,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpeername,
    libc::SYS_getpid,
    libc::SYS_getpriority,
    libc::SYS_getrandom,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_ioctl,
    libc::SYS_listen,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_memfd_create,
    libc::SYS_mkdirat,
    libc::SYS_mlock,
    libc::SYS_mremap,
    libc::SYS_munlock,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_prctl,
    libc::SYS_pread64,
    libc::SYS_prlimit64,
    libc::SYS_pwrite64,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_yield,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_set_robust_list,
    libc::SYS_setpriority,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_sigaltstack,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_tgkill,
    libc::SYS_uname,
    libc::SYS_unlinkat,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Older forms that only this architecture has.
#[cfg(target_arch = "x86_64")]
const OLDER_CALLS: &[libc::c_long] = &[
    libc::SYS_access,
    libc::SYS_chmod,
    libc::SYS_dup2,
    libc::SYS_epoll_wait,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_rmdir,
    libc::SYS_stat,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER_CALLS: &[libc::c_long] = &[];

/// Kinds of socket: its own, those of the packet rings, and such as questions to the kernel are asked through.
const SOCKETS: [libc::c_int; 4] = [libc::AF_UNIX, libc::AF_XDP, libc::AF_INET, libc::AF_NETLINK];

fn system_calls() -> Result<BpfProgram, Unconfined> {
    let arch = std::env::consts::ARCH;
    let target = TargetArch::try_from(arch).map_err(|_| Unconfined::Architecture(arch))?;
    let eq = |argument: u8, value: u64| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
    };
    let none_of = |argument: u8, bits: i32| {
        let mask = SeccompCmpOp::MaskedEq(bits as u64);
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, mask, 0)
    };
    let rule = |condition: Result<SeccompCondition, seccompiler::BackendError>| {
        SeccompRule::new(vec![condition.map_err(seccompiler::Error::Backend)?])
            .map_err(seccompiler::Error::Backend)
    };
    let mut calls: std::collections::BTreeMap<i64, Vec<SeccompRule>> =
        CALLS.iter().chain(OLDER_CALLS).map(|call| (*call, Vec::new())).collect();
    let sockets = SOCKETS.iter().map(|domain| rule(eq(0, *domain as u64)));
    calls.insert(libc::SYS_socket, sockets.collect::<Result<_, _>>()?);
    calls.insert(libc::SYS_socketpair, vec![rule(eq(0, libc::AF_UNIX as u64))?]);
    // Nothing becomes code after the start.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        calls.insert(call, vec![rule(none_of(2, libc::PROT_EXEC))?]);
    }
    let forbidden = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(calls, forbidden, SeccompAction::Allow, target);
    let program = filter.and_then(BpfProgram::try_from).map_err(seccompiler::Error::Backend)?;
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_becomes_a_program() {
        let program = system_calls().unwrap();
        assert!(program.len() > CALLS.len(), "{}", program.len());
    }
}
