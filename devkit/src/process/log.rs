//! What a program has written: in a file with a name, or in one without that vanishes with the last process that has it open.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Stdio;

use crate::Error;

const LINES_OF_A_TAIL: usize = 20;

/// The output of one program, readable while it is being written.
#[derive(Debug)]
pub(crate) struct Log(File);

impl Log {
    /// A log in a file of its own, empty at first.
    pub(crate) fn named(path: &Path) -> Result<Self, Error> {
        let what = format!("create {}", path.display());
        // Appending, so that two descriptors of one file (output and errors) never write over each other.
        let _ = std::fs::remove_file(path);
        let file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(Error::io(what))?;
        Ok(Self(file))
    }

    /// A log that nobody has to remove.
    pub(crate) fn anonymous() -> Result<Self, Error> {
        Ok(Self(tempfile::tempfile().map_err(Error::io("create a temporary file"))?))
    }

    /// An end of it for a child to write to. All ends share one position.
    pub(crate) fn writer(&self) -> Result<Stdio, Error> {
        Ok(self.0.try_clone().map_err(Error::io("share a log"))?.into())
    }

    /// Everything written so far.
    pub(crate) fn text(&self) -> String {
        let mut bytes = Vec::new();
        let mut chunk = vec![0; 64 * 1024];
        while let Ok(count) = self.0.read_at(&mut chunk, bytes.len() as u64) {
            if count == 0 {
                break;
            }
            bytes.extend_from_slice(&chunk[..count]);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The last lines, for a message.
    pub(crate) fn tail(&self) -> String {
        let text = self.text();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES_OF_A_TAIL)..].join("\n")
    }
}
