//! The system calls that a render host does not need. They fail with `EPERM`, which libraries that only try them
//! accept.

use std::collections::BTreeMap;

use libc::{c_int, c_long};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, sock_filter,
};

use super::error::FenceError;

const FORBIDDEN: &[c_long] = &[
    // Other processes: their memory, files and state.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_tkill,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_semget,
    libc::SYS_semctl,
    libc::SYS_msgget,
    libc::SYS_msgctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // Files by their names: Landlock protects neither modes, owners and access lists nor, before Linux 6.2, lengths.
    libc::SYS_truncate,
    libc::SYS_fchmodat,
    FCHMODAT2,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    SETXATTRAT,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    REMOVEXATTRAT,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chmod,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_chown,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_lchown,
    // Programs.
    libc::SYS_execve,
    libc::SYS_execveat,
    // File systems and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_tree,
    OPEN_TREE_ATTR,
    libc::SYS_open_by_handle_at,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    // Kernel interfaces with many known vulnerabilities, or that change the machine.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_fanotify_init,
    libc::SYS_personality,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// System calls that `libc` does not name yet. Their numbers are the same on all architectures.
const FCHMODAT2: c_long = 452;
const SETXATTRAT: c_long = 463;
const REMOVEXATTRAT: c_long = 466;
const OPEN_TREE_ATTR: c_long = 467;

/// Allowed socket families: the network, and netlink for the list of this machine's addresses. Local sockets lead to
/// daemons that trust every program of this user; pairs of them come from another call.
const SOCKET_FAMILIES: [c_int; 3] = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
/// Kinds of socket pairs that can be connected to another socket, such as a daemon's.
const SOCKET_PAIRS_FORBIDDEN: [c_int; 2] = [libc::SOCK_DGRAM, libc::SOCK_RAW];
const SOCKET_KIND_MASK: u64 = 0xf;
/// Flags of new namespaces, within which a process of any user has the rights of an administrator.
const NAMESPACES: [c_int; 7] = [
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWUTS,
];
/// Commands of `fcntl` and `ioctl` that have the kernel send signals to a process when a file becomes ready.
const SIGNAL_OWNERS: [(c_long, u64); 4] = [
    (libc::SYS_fcntl, libc::F_SETOWN as u64),
    (libc::SYS_fcntl, F_SETOWN_EX),
    (libc::SYS_ioctl, FIOSETOWN),
    (libc::SYS_ioctl, SIOCSPGRP),
];
const F_SETOWN_EX: u64 = 15;
const FIOSETOWN: u64 = 0x8901;
const SIOCSPGRP: u64 = 0x8902;

/// Numbers from here on belong to x32, another table of the same calls, which the list above does not name.
const X32_FIRST: u32 = 0x4000_0000;

/// Filters the system calls of this thread and of the threads that it starts.
pub(super) fn filter() -> Result<(), FenceError> {
    seccompiler::apply_filter(&unreadable())?;
    seccompiler::apply_filter(&program()?)?;
    Ok(())
}

/// Returns the filter for calls that the other filter cannot judge. The arguments of `clone3` lie in memory that no
/// filter sees; programs accept "not implemented" and use `clone` instead.
fn unreadable() -> BpfProgram {
    let step = |code: u32, k: u32| sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let unless = |code: u32, k: u32| sock_filter { jf: 1, ..step(libc::BPF_JMP | code | libc::BPF_K, k) };
    let answer = |k: u32| step(libc::BPF_RET | libc::BPF_K, k);
    let error = |number: c_int| answer(libc::SECCOMP_RET_ERRNO | number as u32);
    vec![
        // The number of the call is the first that the kernel tells.
        step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        unless(libc::BPF_JGE, X32_FIRST),
        error(libc::EPERM),
        unless(libc::BPF_JEQ, libc::SYS_clone3 as u32),
        error(libc::ENOSYS),
        answer(libc::SECCOMP_RET_ALLOW),
    ]
}

fn program() -> Result<BpfProgram, FenceError> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> = FORBIDDEN.iter().map(|&call| (call, vec![])).collect();
    let families = SOCKET_FAMILIES.map(|family| first_argument_is_not(family as u64));
    rules.insert(libc::SYS_socket, vec![SeccompRule::new(families.into_iter().collect::<Result<_, _>>()?)?]);
    for kind in SOCKET_PAIRS_FORBIDDEN {
        forbid(&mut rules, libc::SYS_socketpair, 1, SeccompCmpOp::MaskedEq(SOCKET_KIND_MASK), kind as u64)?;
    }
    for flag in NAMESPACES.map(|flag| flag as u64) {
        forbid(&mut rules, libc::SYS_clone, 0, SeccompCmpOp::MaskedEq(flag), flag)?;
    }
    for (call, command) in SIGNAL_OWNERS {
        forbid(&mut rules, call, 1, SeccompCmpOp::Eq, command)?;
    }
    // A program that aborts sends the signal to itself.
    let own = u64::from(std::process::id());
    for call in [libc::SYS_kill, libc::SYS_tgkill] {
        forbid(&mut rules, call, 0, SeccompCmpOp::Ne, own)?;
    }
    let own_limits = vec![first_argument_is_not(0)?, first_argument_is_not(own)?];
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(own_limits)?]);
    let forbidden = SeccompAction::Errno(libc::EPERM as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, forbidden, std::env::consts::ARCH.try_into()?)?;
    Ok(filter.try_into()?)
}

/// Adds a rule that forbids a call if one of its arguments compares so.
fn forbid(
    rules: &mut BTreeMap<c_long, Vec<SeccompRule>>,
    call: c_long,
    argument: u8,
    comparison: SeccompCmpOp,
    value: u64,
) -> Result<(), BackendError> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, comparison, value)?;
    rules.entry(call).or_default().push(SeccompRule::new(vec![condition])?);
    Ok(())
}

fn first_argument_is_not(value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
}
