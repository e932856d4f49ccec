//! A process as the kernel describes it below /proc.

use std::path::Path;

/// What is told of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    pub cpu_s: f64,
    /// Since 1970.
    pub start_s: f64,
    pub resident: u64,
    pub virtual_size: u64,
    pub threads: u64,
    pub files: u64,
    /// `None`: no limit.
    pub files_max: Option<u64>,
}

/// What times and sizes below /proc are counted in.
#[derive(Clone, Copy, Debug)]
struct Units {
    ticks_s: u64,
    page: u64,
}

impl Process {
    /// This process. `None`: /proc is not there, or not readable.
    #[must_use]
    pub fn own() -> Option<Self> {
        let read = |name: &str| std::fs::read_to_string(Path::new("/proc").join(name)).ok();
        let units = Units {
            ticks_s: rustix::param::clock_ticks_per_second(),
            page: rustix::param::page_size() as u64,
        };
        let files = std::fs::read_dir("/proc/self/fd").ok()?.count() as u64;
        let mut process = read_stat(&read("self/stat")?, &read("stat")?, units)?;
        process.files = files;
        process.files_max = read("self/limits").as_deref().and_then(files_limit);
        Some(process)
    }
}

/// Fields of proc_pid_stat(5), counted from 1; the second may hold blanks and parentheses.
fn read_stat(own: &str, system: &str, units: Units) -> Option<Process> {
    let (_, behind) = own.rsplit_once(')')?;
    let fields: Vec<&str> = behind.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    let boot_s: u64 = system.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    let seconds = |ticks: u64| ticks as f64 / units.ticks_s.max(1) as f64;
    Some(Process {
        cpu_s: seconds(field(14)? + field(15)?),
        start_s: boot_s as f64 + seconds(field(22)?),
        threads: field(20)?,
        virtual_size: field(23)?,
        resident: field(24)? * units.page,
        files: 0,
        files_max: None,
    })
}

fn files_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line is that of the manual page's fields, with a name that is hard to read.
    #[test]
    fn fields_are_counted_behind_the_name() {
        let own = "77 (a) b (c) S 1 77 77 0 -1 4194560 10 0 0 0 150 50 0 0 20 0 9 0 300 1048576 256 18446744073709551615";
        let units = Units { ticks_s: 100, page: 4096 };
        let process = read_stat(own, "cpu 1 2\nbtime 1000\nprocesses 9\n", units).unwrap();
        let expected = Process {
            cpu_s: 2.0,
            start_s: 1003.0,
            resident: 256 * 4096,
            virtual_size: 1_048_576,
            threads: 9,
            files: 0,
            files_max: None,
        };
        assert_eq!(process, expected);
        assert_eq!(read_stat("77 (a", "", units), None);
    }

    #[test]
    fn an_unlimited_number_of_files_is_no_number() {
        assert_eq!(
            files_limit("Max open files            1024                 4096                 files\n"),
            Some(1024)
        );
        assert_eq!(
            files_limit("Max open files            unlimited            unlimited            files\n"),
            None
        );
    }
}
