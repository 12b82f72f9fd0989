//! Whether a program needs others to be loaded: reads the headers of a 64-bit little-endian ELF file.

const MAGIC: &[u8] = b"\x7fELF\x02\x01";
/// The program header that names the dynamic loader.
const INTERPRETER: u32 = 3;

/// Whether this is a program that the kernel runs without a dynamic loader.
pub(super) fn is_static(program: &[u8]) -> bool {
    program.starts_with(MAGIC) && kinds(program).is_some_and(|kinds| !kinds.is_empty() && !kinds.contains(&INTERPRETER))
}

/// The kinds of all program headers.
fn kinds(program: &[u8]) -> Option<Vec<u32>> {
    let start = usize::try_from(u64::from_le_bytes(bytes(program, 0x20)?)).ok()?;
    let size = usize::from(u16::from_le_bytes(bytes(program, 0x36)?));
    let count = usize::from(u16::from_le_bytes(bytes(program, 0x38)?));
    (0..count).map(|index| bytes(program, start.checked_add(index * size)?).map(u32::from_le_bytes)).collect()
}

fn bytes<const N: usize>(program: &[u8], at: usize) -> Option<[u8; N]> {
    program.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(kinds: &[u32]) -> Vec<u8> {
        let mut program = vec![0; 0x40];
        program[..MAGIC.len()].copy_from_slice(MAGIC);
        program[0x20] = 0x40;
        program[0x36] = 56;
        program[0x38] = u8::try_from(kinds.len()).unwrap();
        for kind in kinds {
            let mut header = vec![0; 56];
            header[..4].copy_from_slice(&kind.to_le_bytes());
            program.extend(header);
        }
        program
    }

    #[test]
    fn a_program_is_static_when_no_header_names_a_loader() {
        assert!(is_static(&program(&[1, 2])));
        assert!(!is_static(&program(&[1, INTERPRETER])));
        assert!(!is_static(&program(&[1])[..0x50]), "cut off");
        assert!(!is_static(b"#!/bin/sh\n"));
    }

    #[test]
    fn this_test_is_not_static() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(is_static(&own), cfg!(target_feature = "crt-static"));
    }
}
