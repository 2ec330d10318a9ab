use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskState {
    Pending,
    Running,
    Done,
    Failed,
}

impl TaskState {
    pub const ALL: [Self; 4] = [Self::Pending, Self::Running, Self::Done, Self::Failed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for TaskState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("unknown task state: {0:?}")]
pub struct UnknownState(String);

impl FromStr for TaskState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| UnknownState(text.to_owned()))
    }
}

/// A task as the database has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    pub id: Uuid,
    pub queue: String,
    pub step: String,
    pub payload: Value,
    pub state: TaskState,
    pub attempts: u32,
    pub worker: Option<String>,
    pub result: Option<Value>,
    pub error: Option<String>,
    pub run_after: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What somebody who wants a task done has to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTask {
    pub queue: String,
    pub step: String,
    #[serde(default = "empty_object")]
    pub payload: Value,
}

fn empty_object() -> Value {
    Value::Object(Default::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_survives_text_and_json() {
        for state in TaskState::ALL {
            assert_eq!(state.to_string().parse::<TaskState>().unwrap(), state);
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }

    #[test]
    fn an_unknown_state_is_named() {
        let error = "sleeping".parse::<TaskState>().unwrap_err();
        assert_eq!(error.to_string(), r#"unknown task state: "sleeping""#);
    }

    #[test]
    fn a_new_task_needs_no_payload_and_takes_no_misspelt_field() {
        let task: NewTask = serde_json::from_str(r#"{"queue": "rust", "step": "fingerprint"}"#).unwrap();
        assert_eq!(task.payload, serde_json::json!({}));
        assert!(serde_json::from_str::<NewTask>(r#"{"queue": "rust", "step": "x", "paylaod": 1}"#).is_err());
    }
}
