//! Writes the seeds into a folder for each target: `cargo run --example seeds -- FOLDER`.

use std::fs;
use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let root: PathBuf = std::env::args_os().nth(1).unwrap_or_else(|| "corpus".into()).into();
    for (target, name, octets) in writ_fuzz::seeds::all() {
        let folder = root.join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), octets)?;
    }
    Ok(())
}
