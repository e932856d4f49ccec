//! Large tables in one allocation, on huge pages where the kernel has them.
//!
//! Place: below the session table, which a packet touches at places that nobody can foresee. With pages of 4 KB each of them
//! is a walk through the page tables beside the lines that are wanted. State: none.

/// Bytes of a huge page; a table with none in it is not spoken of to the kernel.
pub(crate) const HUGE: usize = 2 << 20;

/// So many copies of `value`. The kernel is asked for huge pages before any of them is written; it may have none, or be told
/// not to (`/sys/kernel/mm/transparent_hugepage`), and the table is as good with small ones.
#[must_use]
pub fn table<T: Clone>(value: T, count: usize) -> Box<[T]> {
    let mut places = Vec::with_capacity(count);
    let spare = places.spare_capacity_mut();
    advise(spare.as_mut_ptr().cast(), size_of_val(spare));
    places.resize(count, value);
    places.into_boxed_slice()
}

/// Asks for huge pages below so many bytes of one allocation of the caller's, best before they are written.
pub(crate) fn advise(at: *mut u8, bytes: usize) {
    if bytes < HUGE {
        return;
    }
    #[cfg(target_os = "linux")]
    {
        let page = page_size();
        let begin = at.addr();
        // Whole pages of ours alone: what else lies in the first and the last is another's.
        let (first, end) = (begin.next_multiple_of(page), (begin + bytes) / page * page);
        let Some(whole) = end.checked_sub(first) else { return };
        let at = at.wrapping_byte_add(first - begin);
        // SAFETY: the advice changes what pages a range is on, and not what it holds (madvise(2)), whosever it is. A kernel
        // that refuses it changes nothing.
        unsafe {
            libc::madvise(at.cast(), whole, libc::MADV_HUGEPAGE);
        }
    }
}

#[cfg(target_os = "linux")]
fn page_size() -> usize {
    // SAFETY: it reads a constant of the system.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(HUGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_holds_copies_whatever_pages_it_is_on() {
        for count in [0, 1, 1000, HUGE / 8, HUGE + 7] {
            let table = table(0x0123_4567_89ab_cdef_u64, count);
            assert_eq!(table.len(), count);
            assert!(table.iter().all(|place| *place == 0x0123_4567_89ab_cdef));
        }
    }

    /// Of the pages of this process some are huge then, where the kernel gives them to who asks.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_large_table_is_on_huge_pages() {
        let enabled = std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
        if !enabled.is_ok_and(|text| text.contains("[madvise]") || text.contains("[always]")) {
            return;
        }
        let table = table(1u8, 8 * HUGE);
        let inside = table.as_ptr().addr() + 4 * HUGE;
        assert!(is_advised(inside), "the kernel knows that huge pages are wanted");
    }

    /// Whether the mapping around an address has the flag that it was advised (`VmFlags` of proc(5)).
    #[cfg(target_os = "linux")]
    fn is_advised(addr: usize) -> bool {
        let text = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut within = false;
        for line in text.lines() {
            let range = line.split(' ').next().and_then(|word| word.split_once('-'));
            if let Some((from, to)) = range {
                let hex = |text| usize::from_str_radix(text, 16);
                if let (Ok(from), Ok(to)) = (hex(from), hex(to)) {
                    within = (from..to).contains(&addr);
                }
            }
            if within && line.starts_with("VmFlags:") {
                return line.split(' ').any(|flag| flag == "hg");
            }
        }
        false
    }
}
