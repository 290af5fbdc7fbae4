//! Whether packets can come in: says when an interface goes down, and when it is up again.

use writ_capture::afxdp::Condition;

use super::Interfaces;

/// What was last known of each interface.
#[derive(Default)]
pub struct Watch {
    last: Vec<Condition>,
}

impl Watch {
    /// Looks at every interface, and logs what has changed. All were up when capture began.
    pub fn look(&mut self, interfaces: &Interfaces) {
        let Ok(interfaces) = interfaces.lock() else { return };
        self.last.resize(interfaces.len(), Condition::Up);
        for (interface, last) in interfaces.iter().zip(&mut self.last) {
            let Ok(now) = interface.condition() else { continue };
            if now == *last {
                continue;
            }
            *last = now;
            let interface = interface.name();
            match now {
                Condition::Up => tracing::info!(interface, "interface is up again"),
                Condition::NoCarrier => tracing::warn!(interface, "interface has no carrier: nothing comes in"),
                Condition::Down => tracing::warn!(interface, "interface is down: nothing comes in"),
                Condition::Gone => tracing::warn!(interface, "interface is gone: nothing comes in"),
            }
        }
    }
}
