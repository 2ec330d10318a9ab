use std::time::Duration;

/// How often a failed task is tried again, and when.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    pub max_attempts: u32,
    pub first_delay: Duration,
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_attempts: 5, first_delay: Duration::from_secs(2), max_delay: Duration::from_secs(300) }
    }
}

impl RetryPolicy {
    /// The time to wait after so many attempts have failed; `None` when that was the last one.
    pub fn delay_after(&self, attempts: u32) -> Option<Duration> {
        if attempts >= self.max_attempts {
            return None;
        }
        let factor = 2u32.saturating_pow(attempts.saturating_sub(1));
        Some(self.first_delay.saturating_mul(factor).min(self.max_delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_one() {
        let policy =
            RetryPolicy { max_attempts: 40, first_delay: Duration::from_secs(2), max_delay: Duration::from_secs(10) };
        let seconds = |attempts| policy.delay_after(attempts).map(|delay| delay.as_secs());
        assert_eq!([1, 2, 3, 4, 39].map(seconds), [Some(2), Some(4), Some(8), Some(10), Some(10)]);
    }

    #[test]
    fn the_last_attempt_has_no_delay() {
        let policy = RetryPolicy::default();
        assert!(policy.delay_after(policy.max_attempts - 1).is_some());
        assert_eq!(policy.delay_after(policy.max_attempts), None);
        assert_eq!(policy.delay_after(u32::MAX), None);
    }
}
