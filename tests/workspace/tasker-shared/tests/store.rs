//! The store against a real Postgres:
//!
//!     TASKER_TEST_DATABASE_URL=postgres://… cargo test -p tasker-shared --test store -- --ignored
//!
//! Each test has a queue of its own, so they may run at the same time and again.

use serde_json::json;
use tasker_core::{NewTask, RetryPolicy, TaskState};
use tasker_shared::{Store, StoreError};
use uuid::Uuid;

async fn store_and_queue() -> (Store, String) {
    let url = std::env::var("TASKER_TEST_DATABASE_URL").expect("TASKER_TEST_DATABASE_URL is not set");
    let store = Store::open(&url, 4).unwrap();
    store.migrate().await.unwrap();
    (store, Uuid::now_v7().to_string())
}

fn task(queue: &str) -> NewTask {
    NewTask { queue: queue.to_owned(), step: "fingerprint".to_owned(), payload: json!({ "n": 1 }) }
}

#[tokio::test]
#[ignore = "needs a database"]
async fn a_task_goes_from_pending_to_done() {
    let (store, queue) = store_and_queue().await;
    let added = store.add(&task(&queue)).await.unwrap();
    assert_eq!((added.state, added.attempts), (TaskState::Pending, 0));

    let claimed = store.claim(&queue, "w1").await.unwrap().unwrap();
    assert_eq!((claimed.id, claimed.state, claimed.attempts), (added.id, TaskState::Running, 1));
    assert_eq!(store.claim(&queue, "w2").await.unwrap(), None);

    store.complete(added.id, "w1", &json!({ "sum": 3 })).await.unwrap();
    let done = store.get(added.id).await.unwrap();
    assert_eq!((done.state, done.result), (TaskState::Done, Some(json!({ "sum": 3 }))));

    let counts = store.counts().await.unwrap();
    let mine: Vec<_> = counts.iter().filter(|count| count.queue == queue).collect();
    assert_eq!((mine.len(), mine[0].state, mine[0].tasks), (1, TaskState::Done, 1));
}

#[tokio::test]
#[ignore = "needs a database"]
async fn only_the_worker_that_holds_a_task_ends_it() {
    let (store, queue) = store_and_queue().await;
    let id = store.add(&task(&queue)).await.unwrap().id;
    store.claim(&queue, "w1").await.unwrap().unwrap();
    assert!(matches!(store.complete(id, "w2", &json!(1)).await, Err(StoreError::NotHeld { .. })));
    assert!(matches!(store.fail(id, "w2", "no").await, Err(StoreError::NotHeld { .. })));
    let nobodys = Uuid::now_v7();
    assert!(matches!(store.complete(nobodys, "w1", &json!(1)).await, Err(StoreError::NotFound(id)) if id == nobodys));
}

#[tokio::test]
#[ignore = "needs a database"]
async fn a_failed_task_waits_and_keeps_its_error() {
    let (store, queue) = store_and_queue().await;
    let id = store.add(&task(&queue)).await.unwrap().id;
    store.claim(&queue, "w1").await.unwrap().unwrap();
    store.fail(id, "w1", "out of paper").await.unwrap();

    let failed = store.get(id).await.unwrap();
    assert_eq!((failed.state, failed.error.as_deref()), (TaskState::Pending, Some("out of paper")));
    let delay = RetryPolicy::default().delay_after(1).unwrap();
    assert_eq!((failed.run_after - failed.updated_at).to_std().unwrap(), delay);
    assert_eq!(store.claim(&queue, "w1").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a database"]
async fn no_task_is_given_to_two_workers() {
    let (store, queue) = store_and_queue().await;
    for _ in 0..20 {
        store.add(&task(&queue)).await.unwrap();
    }
    let workers: Vec<_> = (0..4)
        .map(|number| {
            let (store, queue) = (store.clone(), queue.clone());
            tokio::spawn(async move {
                let mut ids = Vec::new();
                while let Some(task) = store.claim(&queue, &number.to_string()).await.unwrap() {
                    ids.push(task.id);
                }
                ids
            })
        })
        .collect();
    let mut ids = Vec::new();
    for worker in workers {
        ids.extend(worker.await.unwrap());
    }
    assert_eq!(ids.len(), 20);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 20);
}
