//! The steps that a worker can run. A step is a pure function from JSON to JSON, so a worker in another language gets
//! all of them through one call.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

#[derive(Debug, thiserror::Error)]
pub enum StepError {
    #[error("no such step: {0:?}")]
    Unknown(String),
    #[error("payload: {0}")]
    Payload(#[from] serde_json::Error),
    #[error("{0}")]
    Refused(String),
}

type Step = fn(&Value) -> Result<Value, StepError>;

const STEPS: [(&str, Step); 3] = [("fingerprint", fingerprint), ("summary", summary), ("due-date", due_date)];

pub fn step_names() -> impl Iterator<Item = &'static str> {
    STEPS.iter().map(|(name, _)| *name)
}

pub fn run_step(name: &str, payload: &Value) -> Result<Value, StepError> {
    let (_, step) =
        STEPS.iter().find(|(known, _)| *known == name).ok_or_else(|| StepError::Unknown(name.to_owned()))?;
    step(payload)
}

fn parse<T: DeserializeOwned>(payload: &Value) -> Result<T, StepError> {
    Ok(T::deserialize(payload)?)
}

/// The same for two payloads that differ only in the order of their keys: serde_json keeps objects sorted.
fn fingerprint(payload: &Value) -> Result<Value, StepError> {
    let text = serde_json::to_vec(payload)?;
    let hex: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(json!({ "sha256": hex, "bytes": text.len() }))
}

#[derive(Deserialize)]
struct Numbers {
    values: Vec<f64>,
}

fn summary(payload: &Value) -> Result<Value, StepError> {
    let Numbers { mut values } = parse(payload)?;
    if values.is_empty() {
        return Err(StepError::Refused("no values to sum up".to_owned()));
    }
    values.sort_by(f64::total_cmp);
    let count = values.len();
    let median = (values[(count - 1) / 2] + values[count / 2]) / 2.0;
    let mean = values.iter().sum::<f64>() / count as f64;
    Ok(json!({ "count": count, "min": values[0], "max": values[count - 1], "mean": mean, "median": median }))
}

#[derive(Deserialize)]
struct Due {
    from: NaiveDate,
    working_days: u16,
}

fn due_date(payload: &Value) -> Result<Value, StepError> {
    let Due { from, working_days } = parse(payload)?;
    let mut due = from;
    let mut left = working_days;
    while left > 0 {
        due = due
            .checked_add_days(Days::new(1))
            .ok_or_else(|| StepError::Refused(format!("no calendar reaches {working_days} days after {from}")))?;
        if !matches!(due.weekday(), Weekday::Sat | Weekday::Sun) {
            left -= 1;
        }
    }
    Ok(json!({ "due": due, "calendar_days": (due - from).num_days() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(name: &str, payload: Value) -> Result<Value, String> {
        run_step(name, &payload).map_err(|error| error.to_string())
    }

    #[test]
    fn steps_answer() {
        let empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        let table = [
            ("fingerprint", json!({}), json!({ "sha256": empty, "bytes": 2 })),
            (
                "summary",
                json!({ "values": [4, 1, 3, 2] }),
                json!({ "count": 4, "min": 1.0, "max": 4.0, "mean": 2.5, "median": 2.5 }),
            ),
            (
                "due-date",
                json!({ "from": "2025-02-27", "working_days": 3 }),
                json!({ "due": "2025-03-04", "calendar_days": 5 }),
            ),
            (
                "due-date",
                json!({ "from": "2025-03-01", "working_days": 0 }),
                json!({ "due": "2025-03-01", "calendar_days": 0 }),
            ),
        ];
        for (name, payload, expected) in table {
            assert_eq!(run(name, payload.clone()), Ok(expected), "{name} of {payload}");
        }
    }

    #[test]
    fn steps_say_what_they_cannot_do() {
        let table = [
            ("sing", json!({}), r#"no such step: "sing""#),
            ("summary", json!({ "values": [] }), "no values to sum up"),
            ("summary", json!({}), "payload: missing field `values`"),
            (
                "due-date",
                json!({ "from": NaiveDate::MAX, "working_days": 9 }),
                "no calendar reaches 9 days after +262142-12-31",
            ),
        ];
        for (name, payload, expected) in table {
            assert_eq!(run(name, payload.clone()), Err(expected.to_owned()), "{name} of {payload}");
        }
    }

    #[test]
    fn the_order_of_keys_leaves_no_fingerprint() {
        let one = serde_json::from_str(r#"{"a": 1, "b": [2, {"c": 3, "d": 4}]}"#).unwrap();
        let other = serde_json::from_str(r#"{"b": [2, {"d": 4, "c": 3}], "a": 1}"#).unwrap();
        assert_eq!(run("fingerprint", one), run("fingerprint", other));
    }

    #[test]
    fn every_name_is_a_step() {
        for name in step_names() {
            assert!(!matches!(run_step(name, &Value::Null), Err(StepError::Unknown(_))), "{name}");
        }
    }
}
