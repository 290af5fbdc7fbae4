//! Generated mail traffic, and the rooms from `wire` to `intercept` put together as a worker has them, to be measured.

pub mod frames;
pub mod pipeline;
pub mod process;
pub mod traffic;
