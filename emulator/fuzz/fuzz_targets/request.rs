//! Requests of any kind: whatever they hold, the answer is one that the service could give.

#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

#[path = "../conversation.rs"]
mod conversation;

thread_local! {
    static RUNTIME: RefCell<Runtime> =
        RefCell::new(Builder::new_current_thread().enable_time().build().expect("a runtime can be built"));
}

fuzz_target!(|text: &[u8]| {
    RUNTIME.with_borrow(|runtime| runtime.block_on(conversation::check(text)));
});
