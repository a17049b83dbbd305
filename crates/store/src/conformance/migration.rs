//! Migrations.

use super::Stand;

pub(super) async fn of_two_nodes_that_migrate_at_once_one_does(stand: &Stand) {
    let [first, second] = stand.applied;
    assert!(first.count.min(second.count) == 0 && first.count.max(second.count) > 1, "{first:?} {second:?}");
}
