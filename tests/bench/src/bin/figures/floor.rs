//! What hinit takes over the floor: programs that make the system calls which a launch or a health check needs, and do
//! nothing else (`floor`).

use std::{env, fs};

use nix::unistd::mkdtemp;

use crate::bench::{Bench, Init, PID_CHECK, sibling};
use crate::program::{Program, Result};
use crate::rounds::in_turn;
use crate::table::Bound::AtMost;
use crate::table::{Row, over};

pub(crate) const FLOOR: &str = "floor";

/// A static parent that starts the no-op and waits for it.
const PARENT: &str = "bare parent";

impl Bench {
    /// The time that an init with a PID file adds to a bare parent, and how often hinit's is that of the floor.
    pub(crate) fn launch_over_floor(&self) -> Result<Vec<Row>> {
        let mut rows = self.launch_in("tmpfs", &self.directory, [4.2, 4.0])?;
        // The directory of the programs is on a disk, unless the repository is not.
        let beside = env::current_exe()?.with_file_name("launch-XXXXXX");
        let disk = mkdtemp(&beside)?;
        let on_disk = self.launch_in("disk", &disk.to_string_lossy(), [1.5, 1.5]);
        fs::remove_dir_all(disk)?;
        rows.extend(on_disk?);
        Ok(rows)
    }

    fn launch_in(
        &self,
        place: &str,
        directory: &str,
        [stable, tiny]: [f64; 2],
    ) -> Result<Vec<Row>> {
        let parent = Program::new(&[&sibling(FLOOR)?, "parent", &self.no_op], "")?;
        let floor = launch(directory, &[&self.no_op])?;
        let mut programs = vec![(PARENT.to_string(), parent), (FLOOR.to_string(), floor)];
        for init in self.hinits() {
            let there = Init {
                pid_file: format!("{directory}/{}.pid", init.name),
                ..init.twin("there")
            };
            programs.push((init.name.clone(), there.program(&["--", &self.no_op])?));
        }
        let times = in_turn(&programs, self.rounds)?.times;
        let extra = times.compare(PARENT, |with, without| with - without);
        let extra = extra.cells();
        let ratio = over(&extra, FLOOR);
        let figure = format!("launch with the PID file on {place}");
        Ok(vec![
            Row::new(
                format!("{figure}: extra time over a bare parent's, µs"),
                extra,
            ),
            // The goal is 1.5, on a tmpfs too.
            Row::new(format!("{figure}: extra time over the floor's"), ratio)
                .bounds(AtMost(stable), AtMost(tiny)),
        ])
    }

    /// Programs that do less than hinit's health check: nothing, only the lookup of a PID, and only the necessary system
    /// calls. `checked` has the PID file of a hinit that runs.
    pub(crate) fn lesser_checks(&self, checked: &Init) -> Result<Vec<(String, Program)>> {
        let check = [&sibling(FLOOR)?, "healthcheck", &checked.pid_file];
        let mut programs = Vec::from(self.floors()?);
        programs.push((FLOOR.to_string(), Program::new(&check, "")?));
        Ok(programs)
    }

    /// The programs that hinit's health check is compared with and that need no hinit.
    pub(crate) fn floors(&self) -> Result<[(String, Program); 2]> {
        let alive = format!("{}/alive", self.directory);
        fs::write(&alive, format!("{}\n", std::process::id()))?;
        let pid_check = Program::new(&[&self.pid_check, &alive], "")?;
        Ok([self.no_op()?, (PID_CHECK.to_string(), pid_check)])
    }
}

/// A launch of this server, with a PID file in this directory.
pub(crate) fn launch(directory: &str, server: &[&str]) -> Result<Program> {
    let (floor, file) = (sibling(FLOOR)?, format!("{directory}/floor.pid"));
    Program::new(&[&[floor.as_str(), "run", &file], server].concat(), "")
}
