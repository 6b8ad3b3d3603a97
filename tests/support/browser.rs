//! A browser, Chromium without a screen, that loads a page and tells what became of it.

use crate::program::{Finished, Folder, Program, run};

/// It is to ask nobody but the server under test, and to end by itself.
const FLAGS: [&str; 11] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--enable-logging=stderr",
    "--dump-dom",
];

/// The browser of this machine.
pub struct Browser {
    chromium: Program,
}

impl Browser {
    /// Looks for it; says aloud that what it is for is skipped where there is none.
    pub fn find() -> Option<Browser> {
        Program::find("chromium").map(|chromium| Browser { chromium })
    }

    /// Loads a page, and says what its document was after `milliseconds` of the browser's own time:
    /// that stands still while a request is under way, and else runs through at once.
    ///
    /// # Panics
    /// When the browser fails.
    pub fn load(&self, url: &str, milliseconds: u32) -> Finished {
        let folder = Folder::new("browser");
        let mut command = self.chromium.command();
        command
            .args(FLAGS)
            .arg(format!("--virtual-time-budget={milliseconds}"))
            .arg(format!("--user-data-dir={}", folder.path().display()))
            .arg(url);
        let finished = run(&mut command, b"");
        assert_eq!(finished.code, Some(0), "{}", finished.complained);
        finished
    }
}
