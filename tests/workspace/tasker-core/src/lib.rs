//! What a task is, and the steps that can be run on it. No input or output: the services and the Ruby worker's native
//! part share this crate, and it knows neither a database nor a network.

pub mod retry;
pub mod steps;
pub mod task;

pub use retry::RetryPolicy;
pub use steps::{StepError, run_step};
pub use task::{NewTask, Task, TaskState};
