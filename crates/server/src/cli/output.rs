//! Standard output of a command. Knows no command.

use std::io::{self, Stdout, Write};

/// Standard output, for which a reader that has seen enough (`doorward config show | head`) is no failure: what is
/// written after it left goes nowhere, and the command ends as it would have.
pub(super) struct Output<W = Stdout>(W);

impl Output {
    /// That of this process.
    pub(super) fn of_process() -> Self {
        Self(io::stdout())
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        unless_gone(self.0.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        unless_gone(self.0.flush(), ())
    }
}

fn unless_gone<T>(outcome: io::Result<T>, as_if: T) -> io::Result<T> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(as_if),
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every write fails in this way.
    struct Failing(io::ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_failure_and_a_full_disk_is() {
        let write = |kind| {
            let mut output = Output(Failing(kind));
            writeln!(output, "a line").and_then(|()| output.flush()).map_err(|error| error.kind())
        };
        assert_eq!(write(io::ErrorKind::BrokenPipe), Ok(()));
        assert_eq!(write(io::ErrorKind::StorageFull), Err(io::ErrorKind::StorageFull));
    }
}
