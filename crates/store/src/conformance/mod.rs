//! What a store must do: one function a promise, named as a sentence, run against every store. This is the
//! specification behind the ports' documentation, races included.
//!
//! Every promise gets an empty database that two nodes opened and migrated at the same moment. SQLite runs always;
//! PostgreSQL where `TEST_POSTGRES_URL` names a server (a superuser), MongoDB where `TEST_MONGODB_URL` names one.
//! `REQUIRE_STORES=sqlite,postgres,mongodb` turns a skipped store into a failure.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod audit;
mod backend;
mod change;
pub(crate) mod code;
pub(crate) mod domain;
pub(crate) mod grant;
mod key;
pub(crate) mod mail;
mod migration;
#[cfg(feature = "mongodb")]
mod mongo_backend;
pub(crate) mod password;
pub(crate) mod provider;
pub(crate) mod provider_account;
pub(crate) mod refresh;
mod session;
mod stand;
mod team;
pub(crate) mod throttle;
pub(crate) mod user;

pub(crate) use backend::{Backend, Folder, PostgresBackend, PostgresDatabase, SqliteBackend, options, with};
#[cfg(feature = "mongodb")]
pub(crate) use mongo_backend::MongoBackend;
pub(crate) use stand::Stand;

macro_rules! promises {
    ($($file:ident: $($promise:ident),+;)+) => {
        promises!(@backend sqlite SqliteBackend $($($file $promise)+)+);
        promises!(@backend postgres PostgresBackend $($($file $promise)+)+);
        #[cfg(feature = "mongodb")]
        promises!(@backend mongo MongoBackend $($($file $promise)+)+);
    };
    (@backend $name:ident $backend:ident $($file:ident $promise:ident)+) => {
        mod $name {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $promise() {
                    super::hold::<super::$backend>(super::$file::$promise).await;
                }
            )+
        }
    };
}

promises! {
    user:
        a_user_comes_back_as_it_was_made,
        a_user_is_taken_in_any_spelling,
        of_fifty_sign_ups_with_one_address_one_wins,
        an_identity_belongs_to_one_user,
        a_refused_sign_up_leaves_nothing_behind,
        a_new_user_joins_an_active_team_and_domain_only,
        a_stale_save_changes_nothing,
        of_two_saves_at_once_one_is_written,
        an_address_cannot_be_moved_onto_another_user,
        a_quiet_rehash_replaces_only_the_hash_it_read,
        disabling_ends_every_session,
        disabling_and_signing_in_at_once_leave_no_open_session,
        a_deleted_user_leaves_only_the_audit_log,
        users_are_listed_in_order_of_creation_page_by_page,
        a_search_finds_parts_in_any_case_and_knows_no_wildcards;
    code:
        a_right_code_is_redeemed_once,
        of_fifty_right_guesses_one_is_redeemed,
        a_code_under_fire_is_compared_no_more_often_than_it_may_be,
        a_code_guessed_at_too_often_is_dead,
        a_late_code_is_told_from_a_wrong_one,
        codes_of_purposes_and_users_do_not_mix,
        a_new_code_ends_the_former_and_drops_its_mail,
        of_codes_issued_at_once_one_counts_and_one_letter_leaves,
        nobody_and_the_disabled_get_no_code_and_have_none,
        a_code_moves_an_account_to_the_address_it_went_to,
        a_code_moves_no_account_onto_anothers_address,
        of_ten_moves_to_one_address_one_is_made,
        another_address_ends_every_code,
        no_code_goes_to_an_address_the_account_has_left,
        an_account_is_made_with_its_code_or_not_at_all;
    grant:
        of_fifty_claims_of_a_grant_one_has_it,
        a_grant_is_claimed_again_once_released_or_left;
    password:
        a_changed_password_takes_with_it_what_was_built_on_the_former,
        a_stale_proof_changes_nothing,
        a_grant_sets_one_password_and_proves_the_address,
        no_session_begins_with_a_password_that_was_changed_meanwhile,
        no_session_begins_with_a_password_that_was_taken_away_meanwhile,
        a_grant_claimed_in_time_counts_as_long_as_it_is_claimed,
        of_fifty_uses_of_a_grant_one_sets_the_password,
        a_password_kept_elsewhere_leaves_no_hash_here,
        only_an_active_account_changes_its_password,
        a_contested_address_is_confirmed_without_the_password_of_anybody,
        what_is_confirmed_is_contested_no_more,
        an_address_that_a_pool_verifies_has_one_owner,
        a_pool_verifies_no_address_that_is_verified,
        of_ten_proofs_of_an_address_at_once_one_counts;
    mail:
        a_mail_comes_back_as_it_was_put_in_and_leaves_when_sent,
        no_mail_is_handed_to_two,
        the_longest_due_is_taken_first,
        a_lost_attempt_is_followed_by_the_next_and_settles_nothing,
        a_mail_is_tried_again_when_it_was_told_to,
        an_abandoned_mail_waits_again_when_an_operator_says_so,
        a_mail_that_is_over_is_not_sent_and_its_letter_is_thrown_away,
        a_mail_expires_once,
        mail_is_counted_by_state_and_listed_page_by_page,
        the_last_letter_outlives_its_account_and_codes_do_not,
        a_sweep_takes_codes_and_mail_long_over;
    team:
        a_team_comes_back_as_it_was_made,
        seeds_are_made_once_for_ever,
        seeds_pass_over_names_in_use,
        two_nodes_seed_once,
        a_team_name_and_reference_are_unique,
        a_stale_team_is_not_saved,
        a_membership_is_set_changed_and_removed,
        a_membership_needs_both_ends,
        a_context_shows_active_teams_and_domains_in_order;
    domain:
        a_domain_comes_back_as_it_was_made,
        domains_are_seeded_once_for_ever,
        a_domain_key_is_unique,
        a_domain_needs_its_parent,
        a_domain_cannot_lie_below_itself,
        of_two_moves_that_close_a_circle_one_is_refused,
        a_stale_domain_is_not_saved,
        an_assignment_is_made_repeated_and_undone;
    session:
        a_session_begins_and_notes_the_sign_in,
        a_session_begins_for_an_active_user_only,
        a_session_ends_once,
        all_sessions_of_one_user_end,
        open_sessions_are_listed_newest_first,
        an_address_is_known_once_used,
        a_session_is_found_by_its_credential_alone;
    refresh:
        of_fifty_turns_of_one_token_one_rotates_and_the_rest_repeat_it,
        a_late_tab_is_led_to_the_token_that_counts,
        a_token_used_again_after_the_window_ends_the_session,
        an_old_token_of_an_ended_session_is_over,
        a_token_ends_with_its_time_or_its_session,
        an_unknown_token_is_unknown,
        a_session_is_found_by_each_of_its_tokens;
    provider:
        of_fifty_uses_of_one_value_one_is_the_first,
        a_used_value_is_forgotten_once_it_is_over,
        a_provider_session_comes_back_as_it_began,
        a_provider_session_begins_for_an_active_user_only,
        a_handle_is_no_refresh_token_and_finds_its_session_only,
        a_session_in_use_lasts_on_but_not_beyond_its_end,
        a_session_left_unused_is_over_for_good,
        a_session_used_and_ended_at_once_is_over,
        renewals_are_handed_out_when_due_and_again_when_their_lease_is_over,
        renewals_that_waited_longest_come_first,
        no_renewal_is_handed_to_two,
        tokens_of_an_ended_session_are_not_kept,
        a_provider_ends_one_session_or_all_of_a_person,
        what_a_provider_session_leaves_goes_with_it;
    provider_account:
        an_identity_is_taken_from_its_user_unless_it_is_the_last_way_in,
        of_two_unlinked_at_once_one_way_in_is_left,
        groups_give_and_take_what_is_mapped_and_nothing_else,
        groups_and_an_administrator_at_once_keep_both;
    throttle:
        of_attempts_at_once_exactly_five_are_admitted,
        a_blocked_attempt_counts_for_nothing,
        a_forgiven_counter_is_unused,
        a_returned_attempt_was_never_made,
        a_returned_attempt_leaves_the_wait_after_those_that_came_later,
        of_attempts_at_once_that_are_returned_no_more_than_five_are_kept,
        counters_do_not_mix;
    key:
        keys_come_back_in_the_order_of_their_making,
        of_two_rotations_at_once_one_wins,
        a_key_is_withdrawn_once;
    audit:
        a_line_comes_back_as_it_was_written,
        lines_are_read_newest_first_by_subject_and_action;
    change:
        every_change_is_announced,
        what_is_refused_is_not_announced,
        changes_are_read_on_from_a_position,
        a_sweep_takes_only_what_is_old,
        a_store_gives_a_sign_of_life;
    migration:
        of_two_nodes_that_migrate_at_once_one_does;
}

// Of a transaction: one that fails half-way leaves nothing. Where there is none, what an intent owes does not fail; it is
// late.
promises!(@backend sqlite_transactions SqliteBackend code an_account_whose_mail_cannot_be_put_in_is_not_made);
promises!(@backend postgres_transactions PostgresBackend code an_account_whose_mail_cannot_be_put_in_is_not_made);

/// Holds the store over a database to one promise and clears up. What a broken promise leaves stays to be looked at.
pub(crate) async fn hold_on<B: Backend>(backend: B, promise: impl AsyncFn(&Stand)) {
    let stand = Stand::of(&backend).await;
    promise(&stand).await;
    drop(stand);
    backend.clear().await;
}

/// The same on the usual database of that kind, where there is one.
async fn hold<B: Backend>(promise: impl AsyncFn(&Stand)) {
    if let Some(backend) = B::prepare().await {
        hold_on(backend, promise).await;
    }
}
