//! What the demo prints, and how it looks.

use std::time::Instant;

/// Numbers the steps and prints what they show.
pub struct Narrator {
    started: Instant,
    step: u32,
}

impl Narrator {
    pub fn new() -> Self {
        Self { started: Instant::now(), step: 0 }
    }

    /// A step begins.
    pub fn headline(&mut self, text: &str) {
        self.step += 1;
        println!("\n{}. {text}  [{:.1} s]", self.step, self.started.elapsed().as_secs_f64());
    }
}

/// Something worth knowing.
pub fn say(text: &str) {
    println!("   {text}");
}
