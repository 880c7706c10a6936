//! Gives back memory that only the start needed.
//!
//! Nearly all of the program's code is mapped by the time it is connected everywhere, since the kernel maps sixteen
//! pages around each that is touched. Most of it (arguments, configuration, schema, handshakes) is not needed again.
//! Let go once, it is a third of the resident memory; what is needed after all comes back from the page cache.

use std::time::Duration;

/// By then the sinks are connected, if anybody has been at the machine.
const SETTLING_TIME: Duration = Duration::from_secs(30);

/// Lets go once, when the agent has settled. Must be called within a runtime.
pub fn shrink_when_settled() {
    tokio::spawn(async {
        tokio::time::sleep(SETTLING_TIME).await;
        shrink();
    });
}

fn shrink() {
    // SAFETY: `release` follows the function's protocol, and keeps nothing of what it is shown.
    unsafe { libc::dl_iterate_phdr(Some(release), std::ptr::null_mut()) };
    #[cfg(target_env = "gnu")]
    // SAFETY: a call without pointers; the allocator locks itself.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Unmaps the pages of an object's read-only segments, the program's or a library's. They are the file's: nothing is
/// lost, for what relocation has changed lies in writable segments.
///
/// # Safety
/// As `dl_iterate_phdr` calls it.
unsafe extern "C" fn release(object: *mut libc::dl_phdr_info, _: usize, _: *mut libc::c_void) -> libc::c_int {
    // SAFETY: the caller lends a valid description of an object that is loaded.
    let (object, segments) = unsafe {
        let object = &*object;
        (object, std::slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into()))
    };
    // SAFETY: as above; the name is a C string, empty for the program itself.
    let is_the_kernels = unsafe { std::ffi::CStr::from_ptr(object.dlpi_name) }.to_bytes().starts_with(b"linux-");
    for segment in segments.iter().filter(|s| s.p_type == libc::PT_LOAD && s.p_flags & libc::PF_W == 0) {
        let begin = (object.dlpi_addr + segment.p_vaddr) as usize & !(page_bytes() - 1);
        let end = (object.dlpi_addr + segment.p_vaddr + segment.p_memsz) as usize;
        if !is_the_kernels {
            // SAFETY: read-only pages of a file, which the kernel maps again when they are touched. That it refuses
            // would do no harm.
            unsafe { libc::madvise(begin as *mut libc::c_void, end - begin, libc::MADV_DONTNEED) };
        }
    }
    0
}

fn page_bytes() -> usize {
    // SAFETY: a call without pointers.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.unsigned_abs() as usize
}

#[cfg(test)]
mod tests {
    #[test]
    fn code_and_data_are_as_before_once_they_are_needed_again() {
        let (text, numbers) = (String::from("kept"), vec![1, 2, 3]);
        super::shrink();
        assert_eq!((text.as_str(), numbers.iter().sum::<i32>()), ("kept", 6));
        assert_eq!(std::thread::spawn(|| format!("{:?}", 0.1 + 0.2)).join().expect("it runs"), "0.30000000000000004");
    }
}
